"""How held-out texts are put to a model that is to label them, and how sure it was of what it wrote."""

from typing import Any

from factory.inference.request import Answer
from factory.tasks.label.answer import quoted, read_label
from factory.tasks.label.distribution import Spell, distribution
from factory.tasks.label.taskset import LabelTaskset
from factory.tasks.sample import Task
from factory.tasks.scorer import ACCURACY, Asked, bare


class LabelScorer:
    """Labels: right is the reference's. A student sees the text alone."""

    metrics = ACCURACY
    tools: list[dict[str, Any]] | None = None
    logprobs = 20

    def __init__(self, taskset: LabelTaskset):
        self._taskset = taskset
        self.classes = tuple(taskset.labels)

    def ask(self, candidate: Asked, task: Task) -> list[dict[str, Any]]:
        """Return labels, examples and text for the teacher, the bare text for others."""
        return self._taskset.ask(task) if candidate.few_shot else bare(task.question)

    def schema(self, candidate: Asked) -> dict[str, Any] | None:
        """Return the schema of a label for the teacher; others write freely."""
        return self._taskset.schema if candidate.few_shot else None

    def judge(self, candidate: Asked, task: Task, text: str) -> dict[str, Any]:
        """Read the label and compare."""
        label, _, _ = read_label(text, self.classes)
        return {
            "call": None,
            "result": label,
            "parsed": label is not None,
            "same_call": False,
            "right_answer": label is not None and label == task.reference,
        }

    def confidence(self, candidate: Asked, answer: Answer, spell: Spell) -> float | None:
        """Return the probability of the label that was written, among all labels; None where it cannot be
        known."""
        label, _, _ = read_label(answer.text, self.classes)
        if label is None:
            return None
        # Read is either form, whoever wrote it.
        written = quoted if answer.text.lstrip().startswith('"') else str
        forms = {name: written(name) for name in self.classes}
        found = distribution(forms, answer.token_ids, answer.topk_ids, answer.topk_logprobs, spell)
        return None if found is None else found[label]

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return the reference, in quotes where the teacher writes it."""
        return "", quoted(task.reference) if candidate.few_shot else task.reference
