"""A conversation with a teacher that says what it is told to."""

from collections.abc import Sequence
from dataclasses import dataclass

from factory.inference.request import Answer
from factory.system.digest import content_id
from factory.tasks.sample import Sample
from factory.tasks.taskset import Ask, Episode


def answer(text: str, finish_reason: str = "stop", *, error: str | None = None, number: int = 0) -> Answer:
    """Return an answer; `number` tells those apart that say the same."""
    key = content_id([text, number])
    return Answer(key, "" if error else text, "error" if error else finish_reason, 1, 1, 0.1, error=error)


@dataclass(frozen=True)
class Talk:
    """What was asked, and the sample at the end."""

    asks: list[Ask]
    sample: Sample

    def said(self, turn: int) -> list[str]:
        """Return the contents of the messages of one turn."""
        return [str(message["content"]) for message in self.asks[turn].messages]


def talk(episode: Episode, answers: Sequence[str | Answer]) -> Talk:
    """Go through an episode with exactly these answers."""
    asks = [next(episode)]
    for number, said in enumerate(answers):
        try:
            asks.append(episode.send(said if isinstance(said, Answer) else answer(said, number=number)))
        except StopIteration as end:
            assert number == len(answers) - 1, f"the episode ended after {number + 1} answers"
            return Talk(asks, end.value)
    raise AssertionError(f"the episode asks on: {asks[-1].messages[-1]}")
