"""What leaves the factory as one thing: files by name, with the card that says what they are.

Promise: a model's weights are proved against its manifest before anything of it leaves. A folder leaves only
where an export wrote it, and nothing lies in it that no export writes: a workspace, a home or a checkout is
no parcel.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from huggingface_hub import ModelCard

from factory.errors import InputError
from factory.export.card import MADE_HERE
from factory.export.model_card import model_card
from factory.export.ollama import MODELFILE
from factory.export.target import CARD, OURS, publish
from factory.models.artifact import verify
from factory.serve.server import choose
from factory.store.store import read_store
from factory.workspace import Workspace

_EXPORTED = "Only what factory export or factory gguf wrote leaves: export it, and push that folder."


@dataclass(frozen=True)
class Parcel:
    """Files by name: where each lies, or, the card, what is in it; whether they are a model or a dataset."""

    name: str
    kind: Literal["model", "dataset"]
    files: dict[str, Path | bytes]

    @property
    def card(self) -> str:
        """The text of its README."""
        held = self.files[CARD]
        return (held if isinstance(held, bytes) else held.read_bytes()).decode("utf-8")

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file."""
        return {
            name: len(held) if isinstance(held, bytes) else held.stat().st_size
            for name, held in sorted(self.files.items())
        }


def model_parcel(workspace: Workspace, name: str | None) -> Parcel:
    """Return a student with its card: of that name, or the last one that its recipe lets ship."""
    folder = choose(workspace.existing(), name)
    with read_store(workspace.store) as connection:
        card = model_card(connection, folder.name)
    files: dict[str, Path | bytes] = {one: folder / one for one in verify(folder, quick=True).files}
    return Parcel(folder.name, "model", files | {CARD: card.encode("utf-8")})


def folder_parcel(folder: Path) -> Parcel:
    """Return what an export wrote into a folder; InputError where it is anything else."""
    card = folder / CARD
    if not card.is_file() or not _is_ours(card):
        raise InputError(f"{folder} has no {CARD} of an export's", _EXPORTED)
    files: dict[str, Path | bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise InputError(f"{path} is no plain file", _EXPORTED)
        if path.is_dir():
            continue
        files[name] = path
    model = any(folder.glob("*.gguf"))
    ours = {CARD, MODELFILE, *(path.name for path in folder.glob("*.gguf"))} if model else OURS
    for name in files:
        if name.partition("/")[0] not in ours:
            raise InputError(f"{folder / name} is no file that an export writes", _EXPORTED)
    return Parcel(folder.name, "model" if model else "dataset", files)


def write_parcel(parcel: Parcel, target: Path, *, force: bool) -> None:
    """Write the files of a parcel into a folder, complete or not at all."""
    with publish(target, force=force, also=parcel.files) as staging:
        staging.mkdir()
        for name, held in parcel.files.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(held, bytes):
                (staging / name).write_bytes(held)
            else:
                shutil.copyfile(held, staging / name)


def _is_ours(card: Path) -> bool:
    try:
        tags = ModelCard.load(card, ignore_metadata_errors=True).data.get("tags")
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return isinstance(tags, list) and MADE_HERE in tags
