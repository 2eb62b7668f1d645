"""Scorer of a kind: how held-out tasks are put to a model, and how its answers are judged.

Promise: the teacher is asked as in generation, with examples; everyone else gets the bare question. What is
right is decided by the same functions that decide it for samples. An answer that cannot be read is wrong,
never left out. A kind without right answers has `READABLE` alone, and a judge compares its answers later.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from factory.inference.request import Answer
from factory.tasks.kind import RIGHT
from factory.tasks.sample import Task
from factory.tasks.taskset import Ask

READABLE = {"parse_rate": "parsed"}
ACCURACY = {RIGHT: "right_answer"} | READABLE
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


@runtime_checkable
class Classifier(Protocol):
    """A scorer of answers that are one of a few `classes`, each with a probability."""

    classes: tuple[str, ...]

    def confidence(
        self, candidate: Asked, answer: Answer, spell: Callable[[Sequence[int]], str]
    ) -> float | None:
        """Return the probability of the class that was answered, among all; None where it is not known.
        `spell` gives the text of tokens."""
        ...


@runtime_checkable
class PartScorer(Protocol):
    """A scorer of answers with parts that are right or wrong each for itself."""

    def parts(self, prediction: Mapping[str, Any]) -> dict[str, bool]:
        """Return whether each part of an answer is right, by its name; `prediction` is its row."""
        ...


@runtime_checkable
class Portable(Scorer, Protocol):
    """A scorer whose verdicts evaluators of others can reach. `judge` is the name of a module whose file is
    copied to them, `about` what it has to know of all tasks, `figures` those that it gives."""

    judge: str
    figures: tuple[str, ...]

    @property
    def about(self) -> dict[str, Any]: ...

    def expected(self, task: Task) -> Any:
        """Return what the judge compares the answer to the first question with."""
        ...


def bare(question: str) -> list[dict[str, Any]]:
    """Return the messages that put a question alone."""
    return [{"role": "user", "content": question}]
