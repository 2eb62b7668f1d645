"""A task that is put to the teacher, and the sample that comes of its answers."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from factory.system.digest import content_id
from factory.tasks.conversation import Origin
from factory.text.reasons import Reason


@dataclass(frozen=True)
class Task:
    """One question with its reference ("" if there is none). `seed_id` is the seed that it was made from;
    `input` is the material that an instruction is about; `parents` are the seeds and samples that it was made
    from, beside the seed; `tools` are its own, as its seed has them."""

    seed_id: str
    language: str
    family: str
    question: str
    reference: str
    input: str = ""
    parents: tuple[str, ...] = ()
    tools: str = ""

    @property
    def task_id(self) -> str:
        """The content id of question, reference and what belongs to the question."""
        return content_id(
            {"question": self.question, "reference": self.reference}
            | ({"input": self.input} if self.input else {})
            | ({"tools": self.tools} if self.tools else {})
        )


@dataclass(frozen=True)
class Sample:
    """All that came of one task in one draw.

    `sample_id` is given by `identified`, once all answers are there. `fault` is the reason code why there
    is nothing to learn from; then `messages` is None. `text` is what the teacher wrote last, in the answer
    to `request_key`. `call` is one call, or a list of steps of calls. `outcome` and `expected` are what is
    compared where an answer can be proved: the result or final answer in a normal form, and the
    reference's (None if there is none). `form` is what the answer was held to, where a person who edits it
    needs that: labels, or a JSON Schema. `said` is the text by which samples are compared with each other,
    `dedup_key` is equal for those that say the same. `score` is a judge's, on the scale of its rubric.
    `messages` is in OpenAI form, and `origins` say where each of the assistant's came from; left out, all
    are the answer to `request_key`. `tools` are those that were offered, in OpenAI form; None: those of
    the recipe.
    """

    request_key: str
    task: Task
    text: str
    finish_reason: str
    fault: Reason | None = None
    detail: str = ""
    call: Any = None
    result: str | None = None
    rationale: str | None = None
    answer: str | None = None
    messages: list[dict[str, Any]] | None = None
    origins: tuple[Origin, ...] = ()
    tools: list[dict[str, Any]] | None = None
    outcome: str | None = None
    expected: str | None = None
    said: str = ""
    dedup_key: str = ""
    score: float | None = None
    form: Any = None
    sample_id: str = ""


def identified(sample: Sample, keys: list[str]) -> Sample:
    """Return the sample with the content id of the answers that it took, by their keys, and of all that else
    makes it what it is: a seed's reference that was corrected, another template of prompts, or another
    version of a tool make another sample of the same answers."""
    task = dataclasses.asdict(sample.task)
    if not sample.task.tools:
        del task["tools"]  # ids are older than tools that differ by task
    made = [sample.fault, sample.result, sample.answer, sample.messages, sample.outcome, sample.expected]
    return dataclasses.replace(
        sample,
        sample_id=content_id({"requests": keys, "task": task, "made": made}),
    )
