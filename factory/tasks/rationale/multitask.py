"""A rationale as two tasks for a student: to answer at once, and to reason first.

Method: Distilling Step-by-Step (Hsieh et al., 2023, arXiv 2305.02301): one model learns both, told apart by a
prefix of what it is asked, and its loss is that of the labels plus the weight times that of the rationales.
Promise: a sample gives a row of each task, `label` first, with the same question; the label's row holds the
final answer and nothing of the reasoning. The prefix is part of the user's turn, so that `[label] ` asks a
trained student for an answer without the reasoning. Not promised: that a trainer heeds the weight. It is a
column, and TRL passes over it.
"""

from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from factory.errors import FactoryError
from factory.tasks.conversation import Conversation, Messages, Origin
from factory.tasks.rationale.settings import RationaleData, Weight

LABEL, RATIONALE = "label", "rationale"
PREFIXES = {task: f"[{task}] " for task in (LABEL, RATIONALE)}
LABEL_WEIGHT = 1.0
_DEFAULT = RationaleData.model_fields["rationale_weight"].default

COLUMN_NOTE = (
    "`task`: a rationale is two rows (Distilling Step-by-Step, arXiv 2305.02301), told apart by what the "
    f"user's turn begins with: `{PREFIXES[LABEL]}` has the final answer alone, "
    f"`{PREFIXES[RATIONALE]}` the reasoning and the answer"
)


def both_tasks(conversation: Conversation, answer: str) -> list[Conversation]:
    """Return the conversations of both tasks; `answer` is the final answer alone."""
    asked, said = conversation.parts
    return [
        Conversation(
            [*_prefixed(asked, LABEL), {"role": "assistant", "content": answer}],
            conversation.tools,
            (Origin("template"),),
            LABEL,
        ),
        replace(conversation, messages=[*_prefixed(asked, RATIONALE), *said], task=RATIONALE),
    ]


def weights(rationale: float) -> dict[str, float]:
    """Return what a row of each task weighs, where one of reasoning weighs `rationale`."""
    return {LABEL: LABEL_WEIGHT, RATIONALE: rationale}


def read_weights(data: dict[str, Any]) -> dict[str, float]:
    """Return what a row of each task weighs by the settings that a run's recipe has under `data`;
    FactoryError if no weight can be read there."""
    # Older recipes lack this key.
    given = data.get("rationale_weight", _DEFAULT)
    try:
        return weights(TypeAdapter(Weight).validate_python(given, strict=True))
    except ValidationError as error:
        raise FactoryError(
            "the recipe of the latest run has no valid weight of rationales: "
            f"data.rationale_weight: {error.errors()[0]['msg']}",
            "Look at it with: factory audit current_run -w DIR",
        ) from None


def _prefixed(prompt: Messages, task: str) -> Messages:
    return [*prompt[:-1], prompt[-1] | {"content": f"{PREFIXES[task]}{prompt[-1]['content']}"}]
