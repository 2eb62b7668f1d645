"""Requests to a model and its answers, the same for every backend.

Promise: a request's key is the content id of everything that determines its answer (model and revision,
rendered messages, schema, parameters, draw number); its sampling seed follows from the key, so the same
request draws the same numbers wherever it is in a run. Not promised: equal floating-point results on
different machines or batch sizes.
"""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from factory.system.digest import content_id
from factory.text.reasons import Reason, ReasonCode

TOO_LONG: ReasonCode = "prompt_too_long"  # the error of a prompt that leaves no room for an answer


@dataclass(frozen=True)
class Sampling:
    """Parameters of one draw. `temperature` 0 is greedy; `max_tokens` counts completion tokens; `logprobs` is
    the k of the stored top-k."""

    temperature: float
    top_p: float
    max_tokens: int
    logprobs: int = 0


@dataclass(frozen=True)
class CallForm:
    """How calls are written as text: `several` in a list, or one alone; `optional`: there may be none."""

    several: bool
    optional: bool

    @property
    def none(self) -> str:
        """The text that calls nothing."""
        return "[]" if self.several else "null"


@dataclass(frozen=True)
class Request:
    """One question to a model: chat messages in OpenAI form, optionally a JSON Schema that the answer has to
    match, tools and arguments (`template`) for the chat template. `prefill` is how the answer begins already.
    `forced`: the model is made to answer this text, and its logprobs are recorded. Both only for a model in
    the process. `calls`: the server is to call `tools` itself, and its calls are read back in this form."""

    key: str
    messages: list[dict[str, Any]]
    sampling: Sampling
    schema: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    ignore_eos: bool = False
    prefill: str = ""
    forced: str = ""
    template: dict[str, Any] | None = None
    calls: CallForm | None = None

    @property
    def seed(self) -> int:
        """The sampling seed: 31 bits of the key's digest."""
        return int(self.key.rpartition(":")[2][:8], 16) >> 1


@dataclass(frozen=True)
class Attempt:
    """One sending of a request to the server at the URL `endpoint`, begun at `sent_at` (UTC, without a zone),
    over after `seconds`. `outcome` is ok, timeout, connection, bad_answer, or http_ and the status."""

    endpoint: str
    outcome: str
    seconds: float
    sent_at: datetime.datetime


@dataclass(frozen=True)
class Answer:
    """One completion. Lists run over completion tokens, the end-of-turn token included.

    `topk_ids` and `topk_logprobs` hold the k most likely tokens of the raw distribution (natural logarithms,
    before temperature, penalties and grammar); the token that was drawn may be outside. Without logprobs from
    the server they are None. `error` is a reason code when there is no answer; then `text` is empty.
    `seconds` is the time from sending to the last token. `attempts` are the sendings to servers, in order; a
    model in the process has none. `detail` is what the server said of an answer that there is not.
    `label_probabilities` are those of a model with a classification head, whose text is the likeliest label.
    """

    key: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    token_ids: list[int] | None = None
    token_logprobs: list[float] | None = None
    topk_ids: list[list[int]] | None = None
    topk_logprobs: list[list[float]] | None = None
    attempts: tuple[Attempt, ...] = ()
    error: Reason | None = None
    detail: str = ""
    label_probabilities: dict[str, float] | None = None

    @property
    def may_come_later(self) -> bool:
        """True for transient errors: the request itself is valid, and a later attempt may succeed."""
        return self.error is not None and self.error.startswith("failed_")


class Model(Protocol):
    """Something that answers requests, in whatever order they finish."""

    def answer(self, requests: Iterable[Request | None]) -> Iterator[Answer]:
        """Yield an answer for each request as soon as it is complete. `requests` is drawn from as room
        becomes free; None means that there is nothing to ask until one of the answers in flight has
        been taken."""
        ...


def request_key(
    model: str,
    revision: str,
    messages: list[dict[str, Any]],
    schema: dict[str, Any] | None,
    sampling: Sampling,
    draw: int,
    max_model_len: int | None = None,
    switches: dict[str, Any] | None = None,
) -> str:
    """Return the content id of a request; any change of an argument gives another key. `max_model_len` is how
    many tokens prompt and answer may have together, None for the default or where the server decides;
    `switches` are arguments of the chat template and what a server is sent beside all else."""
    return content_id(
        {
            "model": model,
            "revision": revision,
            "messages": messages,
            "schema": schema,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "logprobs": sampling.logprobs,
            "draw": draw,
        }
        | ({} if max_model_len is None else {"max_model_len": max_model_len})
        | (switches or {})
    )
