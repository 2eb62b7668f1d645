"""The student's model: the base with a new adapter, with one that is trained further, and merged.

Promise: weights that are trained are float32 whatever the frozen ones are, because bfloat16 rounds small
updates away. An adapter is put on its base with rows for tokens that the base was never trained on
(`factory.student.untrained_tokens`), and is merged with the same. What each kind of adapter does is in
`factory.adapters`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerBase

from factory.adapters.adapter import Adapter
from factory.models.stops import keep_stops
from factory.student.untrained_tokens import give_rows


def new_student(
    base: Path,
    adapter: Adapter,
    tokenizer: PreTrainedTokenizerBase,
    dtype: torch.dtype,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
    *,
    marks: Sequence[str] = (),
) -> Any:
    """Return the base with something new to be trained; `dtype` is that of frozen weights, `say` takes a line
    for the person, `marks` are the control tokens that the student writes."""
    model = _load(base, torch.float32 if adapter.float32 else dtype, tokenizer, marks, say)
    torch.manual_seed(seed)
    return adapter.wrap(model, tokenizer)


def further_student(
    base: Path,
    adapter: Adapter,
    trained: Path,
    tokenizer: PreTrainedTokenizerBase,
    dtype: torch.dtype,
    *,
    marks: Sequence[str] = (),
) -> Any:
    """Return the base with what an earlier stage left in `trained`, to be trained on."""
    model = _under(base, adapter, trained, tokenizer, torch.float32 if adapter.float32 else dtype, marks)
    return adapter.resume(model, trained)


def merged(
    base: Path,
    adapter: Adapter,
    trained: Path,
    tokenizer: PreTrainedTokenizerBase,
    *,
    marks: Sequence[str] = (),
) -> Any:
    """Return a model of its own, in bfloat16; `tokenizer` learns its virtual tokens, if it has some."""
    model = _under(base, adapter, trained, tokenizer, torch.float32, marks)
    return adapter.merge(model, trained, tokenizer).to(torch.bfloat16)


def _under(
    base: Path,
    adapter: Adapter,
    trained: Path,
    tokenizer: PreTrainedTokenizerBase,
    dtype: torch.dtype,
    marks: Sequence[str],
) -> Any:
    """Return the model that `trained` is loaded onto: the base, or itself where it is a model."""
    if adapter.artifact_kind == "model":
        return _load(trained, dtype)
    return _load(base, dtype, tokenizer, marks)


def _load(
    folder: Path,
    dtype: torch.dtype,
    tokenizer: PreTrainedTokenizerBase | None = None,
    marks: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Any:
    """Return a model; with a tokenizer it is a base, of which not every token may have been trained."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    model.config.use_cache = False
    keep_stops(model, tokenizer)
    if tokenizer is not None and (given := give_rows(model, tokenizer, marks)):
        say(
            f"  {', '.join(given)}: the base was never trained to write this; "
            "it gets the mean of the rows that spell it"
        )
    return model
