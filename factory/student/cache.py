"""The teacher's last hidden states on disk, from which its own head gives its whole distribution at any temperature.

Promise: the teacher is loaded alone and is gone before the student is trained. A cache is an artifact folder: it exists whole or not at
all, and is proved against its digests when it is opened; it is made for one teacher, one set of rows, one number format. It is refused
before it is made if it would be larger than allowed. Reading maps the files into memory: what is not looked at is not loaded.
"""

import gc
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from factory.artifact import publish, verify
from factory.digest import content_id
from factory.errors import InputError
from factory.models.folder import inspect
from factory.progress import Progress
from factory.student.batch import Collator, spans
from factory.student.losses.head import Head
from factory.student.rows import TrainingRow

_BATCH = 8
_HEAD = "head.safetensors"


class HiddenCache:
    """States of the teacher at the positions that predict the calls' tokens: file 0 the last ones, then one for each layer asked for."""

    def __init__(self, folder: Path):
        about = verify(folder).about
        self._dtype = getattr(torch, about["dtype"])
        self._offsets = [0]
        for length in about["lengths"]:
            self._offsets.append(self._offsets[-1] + length)
        shape = (self._offsets[-1], about["width"])
        self._files = [
            torch.from_file(str(folder / _name(i)), size=shape[0] * shape[1], dtype=self._dtype).view(shape)
            for i in range(1 + len(about["layers"]))
        ]
        weights = load_file(folder / _HEAD)
        self.head = Head(weights["weight"], weights.get("bias"), about["scale"], about["cap"])

    def states(self, file: int, rows: Sequence[int]) -> torch.Tensor:
        """Return the states (positions, width) of the calls of `rows`, one row after the other."""
        return torch.cat([self._files[file][self._offsets[row] : self._offsets[row + 1]] for row in rows])


def open_cache(
    place: Path,
    teacher: Path,
    revision: str,
    rows: Sequence[TrainingRow],
    layers: Sequence[int],
    dtype: torch.dtype,
    *,
    most_bytes: int,
    pad: int,
    progress: Progress,
) -> HiddenCache:
    """Return the cache of `rows` in the folder `place`, made now if it is not there; another one that is there goes.

    Raises InputError if it would take more than `most_bytes`.
    """
    name = "hidden-" + content_id([revision, str(dtype), list(layers), [[row.teacher_ids, row.call_length] for row in rows]])[3:13]
    folder = place / name
    if not folder.exists():
        facts = inspect(teacher)
        size = _size(facts.hidden_size, facts.vocab_size, rows, layers, dtype)
        if size > most_bytes:
            raise InputError(
                f"the cache of the teacher's hidden states would take {size / 2**30:.1f} GB, and cache_gb allows {most_bytes / 2**30:.1f}",
                "Raise cache_gb, align fewer layers, or write teacher: in_process.",
            )
        for other in place.glob("hidden-*"):
            shutil.rmtree(other)
        _make(folder, teacher, rows, layers, dtype, pad, progress)
    return HiddenCache(folder)


def _size(width: int, vocabulary: int, rows: Sequence[TrainingRow], layers: Sequence[int], dtype: torch.dtype) -> int:
    positions = sum(row.call_length for row in rows)
    return (positions * (1 + len(layers)) + vocabulary) * width * dtype.itemsize


def _make(
    folder: Path, teacher: Path, rows: Sequence[TrainingRow], layers: Sequence[int], dtype: torch.dtype, pad: int, progress: Progress
) -> None:
    model = AutoModelForCausalLM.from_pretrained(teacher, dtype=dtype).eval()
    head = Head.of(model)
    lengths = [row.call_length for row in rows]
    starts = [0, *torch.tensor(lengths).cumsum(0).tolist()]
    width = head.weight.shape[1]
    about = {"dtype": str(dtype).removeprefix("torch."), "layers": list(layers), "lengths": lengths, "width": width}
    with publish(folder, about | {"scale": head.scale, "cap": head.cap}) as staging:
        shape = (starts[-1], width)
        files = [
            torch.from_file(str(staging / _name(i)), shared=True, size=shape[0] * width, dtype=dtype).view(shape)
            for i in range(1 + len(layers))
        ]
        # Rows of like length together: the padding of a batch is work for nothing.
        order = sorted(range(len(rows)), key=lambda i: len(rows[i].teacher_ids))
        for at in range(0, len(order), _BATCH):
            batch = order[at : at + _BATCH]
            for i, states in zip(batch, _states(model, [rows[i] for i in batch], layers, pad), strict=True):
                for file, state in zip(files, states, strict=True):
                    file[starts[i] : starts[i + 1]] = state
            progress.update(f"  the teacher's hidden states  {at + len(batch)}/{len(rows)} samples", now=at + len(batch) == len(rows))
        weights = {"weight": head.weight.detach().clone()}
        save_file(weights | ({} if head.bias is None else {"bias": head.bias.detach().clone()}), staging / _HEAD)
    del model, head
    gc.collect()


def _states(model: Any, rows: Sequence[TrainingRow], layers: Sequence[int], pad: int) -> list[list[torch.Tensor]]:
    batch = Collator(pad).padded("input_ids", "attention_mask", [row.teacher_ids for row in rows])
    with torch.no_grad():
        output = model.get_decoder()(**batch, use_cache=False, output_hidden_states=bool(layers), return_dict=True)
    wanted = [output.last_hidden_state, *(output.hidden_states[layer] for layer in layers)]
    lengths = torch.tensor([row.call_length for row in rows])
    predicting = spans(batch["input_ids"].shape, batch["attention_mask"].sum(1) - lengths - 1, lengths)
    return [[states[i][predicting[i]] for states in wanted] for i in range(len(rows))]


def _name(file: int) -> str:
    return f"states-{file}.bin"
