"""Validation of a server's answer: the part of OpenAI's chat completion that is used.

Promise: whatever the bytes are, `read_completion` gives a completion whose every field has its type and
range, or raises a ValueError with what is wrong; deep nesting and numbers beyond all bounds included. Unused
fields may hold anything.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from factory.inference.request import Answer, Attempt
from factory.inference.storable import storable

Count = Annotated[int, Field(ge=0, le=2**53)]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]


class _Part(BaseModel):
    # No other type is taken for the right one, and NaN is no logarithm.
    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


class _Top(_Part):
    token: str
    logprob: float


class _Token(_Part):
    logprob: float
    top_logprobs: list[_Top] = []


class _Logprobs(_Part):
    content: list[_Token] | None = None


class _Message(_Part):
    content: str | None = None


class _Choice(_Part):
    message: _Message
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None
    token_ids: list[TokenId] | None = None


class _Usage(_Part):
    prompt_tokens: Count = 0
    completion_tokens: Count = 0


class Completion(_Part):
    """A chat completion; `token_ids` of a choice come from vLLM alone."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage | None = None

    def answer(self, key: str, seconds: float, attempts: tuple[Attempt, ...]) -> Answer:
        """Return the first choice as the answer to a request."""
        choice = self.choices[0]
        tokens = choice.logprobs.content if choice.logprobs and choice.logprobs.content else None
        topk_ids = (
            [[_token_id(top.token) for top in token.top_logprobs] for token in tokens] if tokens else None
        )
        complete = topk_ids is not None and all(id is not None for ids in topk_ids for id in ids)
        answer = Answer(
            key=key,
            text=choice.message.content or "",
            finish_reason=choice.finish_reason or "unknown",
            prompt_tokens=self.usage.prompt_tokens if self.usage else 0,
            completion_tokens=self.usage.completion_tokens if self.usage else 0,
            seconds=seconds,
            token_ids=choice.token_ids,
            token_logprobs=[token.logprob for token in tokens] if tokens else None,
            topk_ids=topk_ids if complete else None,  # type: ignore[arg-type]
            topk_logprobs=[[top.logprob for top in token.top_logprobs] for token in tokens]
            if tokens
            else None,
            attempts=attempts,
        )
        return storable(answer)


def read_completion(body: bytes) -> Completion:
    """Return a chat completion from the bytes of a server's answer; ValueError if they are none."""
    return Completion.model_validate_json(body)


def _token_id(token: str) -> int | None:
    """Return the id in vLLM's spelling of a token as its id, `token_id:17`, or None."""
    name, _, number = token.rpartition(":")
    return (
        int(number)
        if name == "token_id" and number.isascii() and number.isdigit() and len(number) < 10
        else None
    )
