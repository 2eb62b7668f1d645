"""Scorer of a kind: how held-out tasks are put to a model, and how its answers are judged.

Promise: the teacher is asked as in generation, with examples; everyone else gets the bare question. What is
right is decided by the same functions that decide it for samples. An answer that cannot be read is wrong,
never left out.
"""

from collections.abc import Generator
from typing import Any, Protocol

from factory.inference.request import Answer
from factory.tasks.sample import Task
from factory.tasks.taskset import Ask

ACCURACY = {"answer_accuracy": "right_answer", "parse_rate": "parsed"}


Dialogue = Generator[Ask, Answer, dict[str, Any]]


class Asked(Protocol):
    """The model that is asked, as far as a scorer has to know it. `few_shot`: as in generation, with examples
    and schema; `role` is `base` where it was trained on nothing of ours."""

    @property
    def few_shot(self) -> bool: ...

    @property
    def role(self) -> str: ...


class Scorer(Protocol):
    """One kind's way to ask and to judge. `metrics` names the figures, and the column of `predictions` that
    each is the share of."""

    metrics: dict[str, str]

    def put(self, candidate: Asked, task: Task) -> Dialogue:
        """Put a task to a model: yield what is asked, take the answer, go on where the task does, and return
        the columns of `predictions` that say what became of it."""
        ...

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return how the right answer to the first question begins, which anyone knows, and how it goes on,
        in the form that the model is asked for; None where only its outcome is known."""
        ...


def bare(question: str) -> list[dict[str, Any]]:
    """Return the messages that put a question alone."""
    return [{"role": "user", "content": question}]
