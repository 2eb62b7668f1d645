"""How held-out texts are put to a model that is to label them, and how sure it was of what it wrote."""

from typing import Any

from factory.inference.request import Answer
from factory.tasks.label.answer import quoted, read_label
from factory.tasks.label.distribution import Spell, distribution
from factory.tasks.label.taskset import LabelTaskset
from factory.tasks.sample import Task
from factory.tasks.scorer import ACCURACY, Asked, Dialogue, bare
from factory.tasks.taskset import Ask


class LabelScorer:
    """Labels: right is the reference's. A student sees the text alone."""

    metrics = ACCURACY
    judge, figures = f"{__package__}.portable", tuple(ACCURACY)

    def __init__(self, taskset: LabelTaskset):
        self._taskset = taskset
        self.classes = tuple(taskset.labels)

    def put(self, candidate: Asked, task: Task) -> Dialogue:
        """Ask with labels and examples, held to one of them, where the model is the teacher; the bare text of
        others, who write freely. Read the label and compare."""
        if candidate.few_shot:
            answer = yield Ask(self._taskset.ask(task), self._taskset.schema, needs_logprobs=True)
        else:
            answer = yield Ask(bare(task.question), needs_logprobs=True)
        label, _, _ = read_label(answer.text, self.classes)
        return {
            "call": None,
            "result": label,
            "parsed": label is not None,
            "same_call": False,
            "right_answer": label is not None and label == task.reference,
        }

    @property
    def about(self) -> dict[str, Any]:
        """What the judge of others has to know: the labels."""
        return {"labels": list(self.classes)}

    def expected(self, task: Task) -> str:
        """Return the label that is right."""
        return task.reference

    def confidence(self, candidate: Asked, answer: Answer, spell: Spell) -> float | None:
        """Return the probability of the label that was written, among all labels; None where it cannot be
        known."""
        label, _, _ = read_label(answer.text, self.classes)
        if label is None:
            return None
        if answer.label_probabilities is not None:
            return answer.label_probabilities[label]
        # Read is either form, whoever wrote it.
        written = quoted if answer.text.lstrip().startswith('"') else str
        forms = {name: written(name) for name in self.classes}
        found = distribution(forms, answer.token_ids, answer.topk_ids, answer.topk_logprobs, spell)
        return None if found is None else found[label]

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return the reference, in quotes where the teacher writes it."""
        return "", quoted(task.reference) if candidate.few_shot else task.reference
