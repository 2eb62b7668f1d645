"""The teacher's last hidden states on disk, from which its own head gives its whole distribution at any
temperature.

Promise: the teacher is loaded in a process of its own, and is gone, with its memory, before the student is
trained. A cache is an artifact folder: it exists whole or not at all, and is proved against its digests when
it is opened; it is made for one teacher, one set of rows, one number format. States and head are as exact as
that format: in bfloat16 a logit near 25 is rounded to 0.125, a probability by up to 6 %, and a divergence
below about 0.001 nats means nothing. It is refused before it is made
if it would be larger than allowed. Reading maps the files into memory: what is not looked at is not loaded.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from factory.errors import FactoryError, InputError
from factory.models.artifact import publish, verify
from factory.models.folder import inspect
from factory.student.batch import Collator, spans
from factory.student.losses.head import Head
from factory.system.digest import content_id
from factory.system.process import die_with_parent, parent_told
from factory.system.progress import DESCRIPTOR, Progress
from factory.tasks.rows import TrainingRow

# Of a span: the teacher's side of the conversation, and how many tokens at its end it wrote.
_Words = tuple[list[int], int]
_BATCH = 16
_HEAD = "head.safetensors"


class HiddenCache:
    """States of the teacher at the positions that predict what it wrote: file 0 the last ones, then one for
    each layer asked for."""

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
        """Return the states (positions, width) of the teacher's words in `rows`, one row after the other."""
        return torch.cat([self._files[file][self._offsets[row] : self._offsets[row + 1]] for row in rows])


def open_cache(
    place: Path,
    teacher: Path,
    revision: str,
    rows: Sequence[TrainingRow],
    layers: Sequence[int],
    dtype: torch.dtype,
    *,
    max_bytes: int,
    pad: int,
) -> HiddenCache:
    """Return the cache of `rows` in the folder `place`, made now if it is not there; another one that is
    there goes.

    Raises InputError if it would take more than `max_bytes`, FactoryError if the disk has no room for it.
    """
    name = "hidden-" + content_id([revision, str(dtype), list(layers), _words(rows)])[3:13]
    folder = place / name
    if not folder.exists():
        facts = inspect(teacher)
        size = _size(facts.hidden_size, facts.vocab_size, rows, layers, dtype)
        if size > max_bytes:
            raise InputError(
                f"the cache of the teacher's hidden states would take {size / 2**30:.1f} GB, "
                f"and cache_gb allows {max_bytes / 2**30:.1f}",
                "Raise cache_gb, align fewer layers, or write teacher: in_process.",
            )
        for other in [*place.glob("hidden-*"), *place.glob(".hidden-*")]:
            shutil.rmtree(other)
        place.mkdir(parents=True, exist_ok=True)
        if size > (free := shutil.disk_usage(place).free):
            raise FactoryError(
                f"the cache of the teacher's hidden states would take {size / 2**30:.1f} GB, "
                f"{free / 2**30:.1f} are free where {place} is",
                "Free space, align fewer layers, or write teacher: in_process.",
            )
        _make_alone(folder, teacher, rows, layers, dtype, pad)
    return HiddenCache(folder)


def _words(rows: Sequence[TrainingRow]) -> list[list[_Words]]:
    """Return the teacher's side of each row, a conversation for each span."""
    return [[(span.teacher_ids, span.length) for span in row.spans] for row in rows]


def _size(
    width: int, vocabulary: int, rows: Sequence[TrainingRow], layers: Sequence[int], dtype: torch.dtype
) -> int:
    positions = sum(span.length for row in rows for span in row.spans)
    return (positions * (1 + len(layers)) + vocabulary) * width * dtype.itemsize


def _make_alone(
    folder: Path,
    teacher: Path,
    rows: Sequence[TrainingRow],
    layers: Sequence[int],
    dtype: torch.dtype,
    pad: int,
) -> None:
    requests = [
        str(folder),
        str(teacher),
        _words(rows),
        list(layers),
        str(dtype),
        pad,
    ]
    shown = os.environ.get(DESCRIPTOR)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "factory.student.cache"],
        input=json.dumps(requests),
        text=True,
        env=os.environ | parent_told() | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        pass_fds=(int(shown),) if shown else (),
        check=False,
    )
    if done.returncode or not folder.exists():
        raise FactoryError(
            f"the teacher's hidden states were not written: its process ended with {done.returncode}",
            "The machine may have run out of memory. Run the same command again, or write teacher: stored.",
        )


def _make(
    folder: Path,
    teacher: Path,
    rows: Sequence[Sequence[_Words]],
    layers: Sequence[int],
    dtype: torch.dtype,
    pad: int,
) -> None:
    progress = Progress()
    words = list(itertools.chain.from_iterable(rows))
    model = AutoModelForCausalLM.from_pretrained(teacher, dtype=dtype).eval()
    head = Head.of(model)
    lengths = [length for _, length in words]
    starts = [0, *torch.tensor(lengths).cumsum(0).tolist()]
    width = head.weight.shape[1]
    about = {
        "dtype": str(dtype).removeprefix("torch."),
        "layers": list(layers),
        "lengths": [sum(length for _, length in row) for row in rows],
        "width": width,
    }
    with publish(folder, about | {"scale": head.scale, "cap": head.cap}) as staging:
        shape = (starts[-1], width)
        files = [
            torch.from_file(str(staging / _name(i)), shared=True, size=shape[0] * width, dtype=dtype).view(
                shape
            )
            for i in range(1 + len(layers))
        ]
        done, total = 0, sum(length > 0 for length in lengths)
        for batch in _batches(words):
            for i, states in zip(batch, _states(model, [words[i] for i in batch], layers, pad), strict=True):
                for file, state in zip(files, states, strict=True):
                    file[starts[i] : starts[i + 1]] = state
            done += len(batch)
            progress.update(f"  the teacher's hidden states  {done}/{total} samples", now=done == total)
        weights = {"weight": head.weight.detach().clone()}
        save_file(
            weights | ({} if head.bias is None else {"bias": head.bias.detach().clone()}), staging / _HEAD
        )


def _batches(rows: Sequence[_Words]) -> Iterator[list[int]]:
    """Yield the places of rows with words in them, rows that begin alike together: what a batch shares is
    read once."""
    order = sorted((i for i, (_, length) in enumerate(rows) if length), key=lambda i: rows[i][0])
    alike = [
        len(os.path.commonprefix([rows[one][0], rows[other][0]])) for one, other in itertools.pairwise(order)
    ]
    start = 0
    for at in range(1, len(order) + 1):
        # A row that shares much less, or much more with the one after it, would cost the others what they
        # share.
        if (
            at == len(order)
            or at - start == _BATCH
            or not 0.75 * alike[start] <= alike[at - 1] <= alike[start] / 0.75
        ):
            yield order[start:at]
            start = at


def _states(model: Any, rows: Sequence[_Words], layers: Sequence[int], pad: int) -> list[list[torch.Tensor]]:
    shared = _shared(rows)
    batch = Collator(pad).padded("input_ids", "attention_mask", [ids[shared:] for ids, _ in rows])
    lengths = torch.tensor([length for _, length in rows])
    predicting = spans(batch["input_ids"].shape, batch["attention_mask"].sum(1) - lengths - 1, lengths)
    decoder, prefix = model.get_decoder(), None
    with torch.no_grad():
        if shared:
            prefix = decoder(input_ids=torch.tensor([rows[0][0][:shared]]), use_cache=True).past_key_values
            prefix.batch_repeat_interleave(len(rows))
            batch["attention_mask"] = torch.cat(
                [torch.ones(len(rows), shared, dtype=torch.long), batch["attention_mask"]], dim=1
            )
        output = decoder(
            **batch,
            past_key_values=prefix,
            use_cache=prefix is not None,
            output_hidden_states=bool(layers),
            return_dict=True,
        )
    wanted = [output.last_hidden_state, *(output.hidden_states[layer] for layer in layers)]
    return [[states[i][predicting[i]] for states in wanted] for i in range(len(rows))]


def _shared(rows: Sequence[_Words]) -> int:
    """Return how many tokens all rows begin with; no state at the end of them is asked for."""
    alike = os.path.commonprefix([ids for ids, _ in rows])
    return int(min(len(alike), *(len(ids) - length - 1 for ids, length in rows)))


def _name(file: int) -> str:
    return f"states-{file}.bin"


if __name__ == "__main__":
    die_with_parent()
    _folder, _teacher, _rows, _layers, _dtype, _pad = json.load(sys.stdin)
    _make(Path(_folder), Path(_teacher), _rows, _layers, getattr(torch, _dtype.removeprefix("torch.")), _pad)
