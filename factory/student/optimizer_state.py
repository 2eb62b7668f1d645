"""The optimizer's state between two stages of training: by the names of what is trained.

Promise: a stage goes on with the moments that the stage before left, of the student that was kept. What a
stage trains for itself alone, and what the next one does not have, is left out.
"""

from pathlib import Path
from typing import Any

import torch

from factory.system.atomic import replacing

Kept = dict[str, dict[str, Any]]
_OWN = "hidden_projections"  # what a stage trains for itself alone


def keep(model: Any, optimizer: Any, checkpoint: Path, target: Path) -> None:
    """Write the state that is in a checkpoint of the model to the file `target`."""
    saved = torch.load(checkpoint / "optimizer.pt", map_location="cpu", weights_only=True)["state"]
    names = [name for name, _ in _trained(model, optimizer)]
    kept = {names[place]: state for place, state in saved.items() if _OWN not in names[place]}
    with replacing(target) as path:
        torch.save(kept, path)


def read(path: Path) -> Kept:
    """Return what was kept, nothing where nothing is there."""
    if not path.exists():
        return {}
    kept: Kept = torch.load(path, map_location="cpu", weights_only=True)
    return kept


def take_on(model: Any, optimizer: Any, kept: Kept) -> int:
    """Let a fresh optimizer go on with what was kept of its parameters; return of how many there was any."""
    state = {
        place: kept[name]
        for place, (name, parameter) in enumerate(_trained(model, optimizer))
        if name in kept and all(_fits(value, parameter) for value in kept[name].values())
    }
    if state:
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    return len(state)


def _trained(model: Any, optimizer: Any) -> list[tuple[str, Any]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [(names[id(one)], one) for group in optimizer.param_groups for one in group["params"]]


def _fits(value: Any, parameter: Any) -> bool:
    return not isinstance(value, torch.Tensor) or not value.dim() or value.shape == parameter.shape
