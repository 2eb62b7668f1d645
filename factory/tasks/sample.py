"""A task that is put to the teacher, and the sample that comes of its answer."""

from dataclasses import dataclass, field
from typing import Any

from factory.digest import content_id


@dataclass(frozen=True)
class Task:
    """One question with its reference. `seed_id` is the seed it was made from."""

    seed_id: str
    language: str
    family: str
    question: str
    reference: str

    @property
    def task_id(self) -> str:
        """The content id of question and reference."""
        return content_id({"question": self.question, "reference": self.reference})


@dataclass(frozen=True)
class Sample:
    """The whole path of one answer: question, call, result, answer.

    `fault` is the reason code why there is no call, or no result; then the fields after it are empty. `messages` is in OpenAI form.
    """

    sample_id: str
    task: Task
    text: str
    call: dict[str, Any] | None
    fault: str | None
    result: str | None
    answer: str | None
    messages: list[dict[str, Any]] | None
    content_id: str
    detail: str = field(default="")
    said: str = ""
    rationale: str | None = None
