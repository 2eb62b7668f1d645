"""A rationale as two tasks for a student: to answer at once, and to reason first.

Method: Distilling Step-by-Step (Hsieh et al., 2023, arXiv 2305.02301): one model learns both, told apart by a
prefix of what it is asked, and its loss is that of the labels plus the weight times that of the rationales.
Promise: a sample gives a row of each task, `label` first, with the same question; the label's row holds the
final answer and nothing of the reasoning. The prefix is part of the user's turn, so that `[label] ` asks a
trained student for an answer without the reasoning. Not promised: that a trainer heeds the weight. It is a
column, and TRL passes over it.
"""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from factory.errors import FactoryError
from factory.recipe.data import RationaleData, Weight
from factory.recipe.source import read_source

LABEL, RATIONALE = "label", "rationale"
PREFIXES = {task: f"[{task}] " for task in (LABEL, RATIONALE)}
LABEL_WEIGHT = 1.0
_DEFAULT = RationaleData.model_fields["rationale_weight"].default

Messages = list[dict[str, Any]]


def both_tasks(prompt: Messages, completion: Messages, answer: str) -> list[tuple[str, Messages, Messages]]:
    """Return (task, prompt, completion) of both tasks; `prompt` ends with the question, `answer` is the final
    answer alone."""
    return [
        (LABEL, _prefixed(prompt, LABEL), [{"role": "assistant", "content": answer}]),
        (RATIONALE, _prefixed(prompt, RATIONALE), completion),
    ]


def task_weights(recipe_text: str) -> dict[str, float]:
    """Return what a row of each task weighs by a run's recipe; FactoryError if no weight can be read
    there."""
    source = read_source(recipe_text)
    if source.value is None:
        raise _unreadable(source.faults[0].message)
    data = source.value.get("data")
    # A recipe of before the setting was there says nothing of it.
    given = data.get("rationale_weight", _DEFAULT) if isinstance(data, dict) else _DEFAULT
    try:
        return {LABEL: LABEL_WEIGHT, RATIONALE: TypeAdapter(Weight).validate_python(given, strict=True)}
    except ValidationError as error:
        raise _unreadable(f"data.rationale_weight: {error.errors()[0]['msg']}") from None


def _unreadable(why: str) -> FactoryError:
    return FactoryError(
        f"the recipe of the latest run does not say what a rationale weighs: {why}",
        "Look at it with: factory audit current_run -w DIR",
    )


def _prefixed(prompt: Messages, task: str) -> Messages:
    return [*prompt[:-1], prompt[-1] | {"content": f"{PREFIXES[task]}{prompt[-1]['content']}"}]
