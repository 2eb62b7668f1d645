"""A taskset: a stream of tasks, and the conversation with the teacher that makes a sample of one.

Promise: everything follows from the seeds, the recipe and the teacher's answers. So a run that was
interrupted is taken up by going the same way again, with the stored answers: nothing of the way itself has to
be stored.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from factory.errors import InputError
from factory.inference.request import Answer
from factory.tasks.sample import Sample, Task


@dataclass(frozen=True)
class Ask:
    """One turn: chat messages in OpenAI form, the JSON Schema that the answer has to match, if any, and the
    tools that a chat template is given. `needs_logprobs`: what follows depends on the answer's logprobs too,
    not on its text alone."""

    messages: list[dict[str, Any]]
    schema: dict[str, Any] | None = None
    needs_logprobs: bool = False
    tools: list[dict[str, Any]] | None = None


Episode = Generator[Ask, Answer, Sample]


class Pool(Protocol):
    """Earlier samples that may appear in later prompts. They do not depend on the recipe's checks, which
    decide what is trained on and not what is asked, so editing a threshold never triggers new requests."""

    @property
    def judged(self) -> int:
        """How many tasks, in the order of the stream, have their verdicts."""
        ...

    def accepted(self, before: int) -> list[Sample]:
        """Return the samples among the first `before` tasks that may be shown, in order."""
        ...


class Taskset(Protocol):
    """The tasks that the seeds of a recipe give, and how each is put to the teacher.

    `template_digest` is the content id of every template that a prompt or a sample is rendered from.
    """

    template_digest: str

    def tasks(self, pool: Pool) -> Iterator[Task | None]:
        """Yield tasks in their order; None while the next one depends on tasks that are not judged yet."""
        ...

    def episode(self, task: Task, draw: int) -> Episode:
        """Put one task to the teacher: yield what is asked, take the answer, go on, and return the sample."""
        ...


def replay(episode: Episode, texts: Sequence[str]) -> Sample:
    """Return the sample of an episode in which these texts are the answers."""
    next(episode)
    for text in texts:
        try:
            episode.send(Answer("", text, "stop", 0, 0, 0.0))
        except StopIteration as end:
            sample: Sample = end.value
            return sample
    raise InputError("the conversation does not come to an end")
