"""The first part: tokens a second of each program, on the server and, for the factory, in its own process.

The window on the server runs from the first request at the proxy to the last answer that was passed on, and
the tokens are the server's own count of completion tokens. In the process both come from the store: the first
request's sending to the last answer. Starting and ending of a program are outside the window on every side,
and inside `wall`, the time of the whole command.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.peers.program import TEMPERATURE, Failed, Program, Work
from bench.peers.proxy import Proxy, Record, prompt_id

LONGEST = 1800.0


@dataclass(frozen=True)
class Rate:
    """What one run did. `in_flight` is the most requests that the server had at once; 0 in the process."""

    tokens: int
    seconds: float
    wall: float
    in_flight: int = 0

    @property
    def tokens_per_s(self) -> float:
        """Completion tokens a second."""
        return self.tokens / self.seconds


def on_server(name: str, work: Work, folder: Path, envs: Path, proxy: Proxy) -> Rate:
    """Let a program ask everything once; Failed if it did not, or asked something else."""
    program = Program(name, work, folder, envs)
    record = proxy.record = Record()
    started = time.monotonic()
    group = program.start()
    code = program.finish(group, LONGEST)
    wall = time.monotonic() - started
    asked = {prompt_id(messages) for messages in program.messages}
    answered = {exchange.prompt for exchange in record.answered}
    if code != 0 or not asked <= answered:
        raise Failed(
            f"exit code {code}, {len(asked & answered)} of {len(asked)} prompts answered: "
            f"{group.last_words()}"
        )
    require_same(record, asked, work)
    return Rate(record.tokens, record.seconds, wall, record.most_in_flight)


def in_process(work: Work, folder: Path, envs: Path) -> Rate:
    """Let the factory's own teacher answer everything once; Failed if it did not."""
    program = Program("factory", work, folder, envs)
    started = time.monotonic()
    group = program.start()
    code = program.finish(group, LONGEST)
    wall = time.monotonic() - started
    if code != 0:
        raise Failed(f"exit code {code}: {group.last_words()}")
    timed = program.timed()
    if timed["answers"] != work.count:
        raise Failed(f"{timed['answers']} of {work.count} prompts answered")
    return Rate(int(timed["tokens"]), float(timed["seconds"]), wall)


def require_same(record: Record, asked: set[str], work: Work) -> None:
    """Raise Failed if a request was not one of those that all programs were given, or asked for other
    sampling."""
    for exchange in record.exchanges:
        sampling = dict(exchange.sampling)
        most = sampling.pop("max_tokens", None) or sampling.pop("max_completion_tokens", None)
        rest = {name: value for name, value in sampling.items() if value not in (False, 1, 0)}
        if (
            exchange.prompt not in asked
            or most != work.max_tokens
            or sampling.get("temperature") != TEMPERATURE
            or rest
        ):
            raise Failed(f"it sent something else than it was given: {exchange.sampling}")
