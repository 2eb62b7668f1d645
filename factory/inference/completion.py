"""Reading of a server's answer: the part of OpenAI's chat completion that is used, as servers really write
it.

Promise: whatever the bytes are, `read_completion` gives a completion whose every field has its type and
range, or raises a ValueError with what is wrong; deep nesting and numbers beyond all bounds included. The
text decides: usage, logprobs, token ids or an end that are not as OpenAI has them are left out, and never
cost it. Calls of tools are read as the text that would call them (`factory.inference.native_calls`). Thinking
comes as `<think>…</think>` before the text (`factory.text.thinking`), and not at all where JSON was asked
for; what is around JSON is taken off (`factory.inference.around_json`).
"""

import json
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WrapValidator

from factory.inference.around_json import bare_json
from factory.inference.native_calls import written
from factory.inference.request import Answer, Attempt, Request
from factory.inference.storable import storable
from factory.text.reasons import Reason
from factory.text.thinking import split_thinking, with_thinking

STOP, LENGTH, FILTERED = "stop", "length", "content_filter"
WRAPPER = "answer"  # the one key of an object that holds what is no object (factory.inference.dialect)
# How servers spell the end of an answer, in small letters.
_ENDS = (
    dict.fromkeys(
        [
            "",
            "stop",
            "eos",
            "eos_token",
            "end_turn",
            "end",
            "stop_sequence",
            "stop_token",
            "end_of_turn",
            "complete",
            "completed",
            "finished",
            "null",
            "none",
        ],
        STOP,
    )
    | dict.fromkeys(
        [
            "length",
            "limit",
            "token_limit",
            "max_tokens",
            "max_new_tokens",
            "max_length",
            "max_output_tokens",
            "max_completion_tokens",
            "model_length",
            "model_context_window_exceeded",
        ],
        LENGTH,
    )
    | dict.fromkeys(
        [
            "content_filter",
            "content_filtered",
            "safety",
            "recitation",
            "blocklist",
            "prohibited_content",
            "spii",
            "image_safety",
            "sensitive",
            "guardrail_intervened",
            "refusal",
            "error_toxic",
        ],
        FILTERED,
    )
)
_KEPT = frozenset({"tool_calls", "function_call"})
_BROKEN = frozenset(
    {
        "error",
        "abort",
        "aborted",
        "cancelled",
        "canceled",
        "timeout",
        "network_error",
        "insufficient_system_resource",
    }
)
_INNER = ("thinking", "reasoning", "text", "summary")  # of a part
# Fields with what was thought, the first that says something counts.
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks")


class BrokenOff(ValueError):
    """The server says itself that the answer is not whole."""


def _or_none(value: Any, check: Any) -> Any:
    try:
        return check(value)
    except ValidationError:
        return None


Lenient = WrapValidator(_or_none)
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
    top_logprobs: list[_Top] | None = None


class _Logprobs(_Part):
    content: list[_Token] | None = None


class _Message(_Part):
    content: str | list[Any] | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    thinking: Any = None
    reasoning_details: Any = None
    thinking_blocks: Any = None
    refusal: Annotated[str | None, Lenient] = None
    tool_calls: Any = None


class _Choice(_Part):
    message: _Message
    finish_reason: Any = None
    logprobs: Annotated[_Logprobs | None, Lenient] = None
    token_ids: Annotated[list[TokenId] | None, Lenient] = None


class _Usage(_Part):
    prompt_tokens: Annotated[Count | None, Lenient] = None
    completion_tokens: Annotated[Count | None, Lenient] = None


class _Body(_Part):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: Annotated[_Usage | None, Lenient] = None


@dataclass(frozen=True)
class Completion:
    """The first choice of a chat completion. `notes`: what was odd about it, for a person; `has_ids`: its
    tokens came as ids."""

    text: str
    finish_reason: str
    error: Reason | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    token_ids: list[int] | None = None
    tokens: list[_Token] | None = None
    notes: list[str] = field(default_factory=list)
    has_ids: bool = False

    def answer(self, key: str, seconds: float, attempts: tuple[Attempt, ...]) -> Answer:
        """Return it as the answer to a request."""
        topk = [token.top_logprobs or [] for token in self.tokens] if self.tokens else None
        topk_ids = [[_token_id(top.token) for top in tops] for tops in topk] if topk else None
        complete = topk_ids is not None and all(id is not None for ids in topk_ids for id in ids)
        answer = Answer(
            key=key,
            text="" if self.error else self.text,
            finish_reason=self.finish_reason,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            seconds=seconds,
            token_ids=self.token_ids,
            token_logprobs=[token.logprob for token in self.tokens] if self.tokens else None,
            topk_ids=topk_ids if complete else None,  # type: ignore[arg-type]
            topk_logprobs=[[top.logprob for top in tops] for tops in topk] if topk else None,
            attempts=attempts,
            error=self.error,
        )
        return storable(answer)


def read_completion(body: bytes, request: Request, *, wrapped: bool = False) -> Completion:
    """Return the answer to a request from the bytes that a server sent; ValueError if there is none,
    BrokenOff if the server says so. `wrapped`: it was asked for in an object with the key `WRAPPER`."""
    read = _Body.model_validate_json(body)
    choice, notes = read.choices[0], list[str]()
    end = _end(choice.finish_reason, notes)
    called = choice.message.tool_calls if request.calls else None
    if called and end in _KEPT:
        end = STOP
    thinking, content = _said(choice.message)
    text = content
    if thinking == "":
        thinking, text = split_thinking(content)
    if not text.strip() and choice.message.refusal:
        text = choice.message.refusal
    if not text.strip() and end == STOP and thinking and not request.calls:
        # Parsers take a whole answer for thinking where the model was told not to think.
        thinking, text = "", thinking
    error: Reason | None = None
    if request.calls and (called or end == STOP):
        text = written(called, _json(text, notes, request, wrapped=False), request.calls)
    elif not text.strip() and end == LENGTH:
        error = "thinking_cut_off"
    elif not text.strip() and end == FILTERED:
        error = "filtered"
    elif request.schema is None and not request.calls:
        text = with_thinking(thinking, text)
    else:
        text = _json(text, notes, request, wrapped=wrapped)
    # What was left out or put in front has tokens of its own.
    same = text == content and error is None
    usage = read.usage or _Usage()
    return Completion(
        text,
        end,
        error,
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
        choice.token_ids if same else None,
        choice.logprobs.content if same and choice.logprobs else None,
        notes,
        choice.token_ids is not None,
    )


def _end(said: Any, notes: list[str]) -> str:
    if isinstance(said, dict):
        said = said.get("type", said.get("reason"))  # {"type": "length", "length": 64}, as SGLang says it
    written = next((one for one in (said if isinstance(said, list) else [said]) if isinstance(one, str)), "")
    plain = written.rpartition(".")[2].strip().casefold()
    if plain in _BROKEN:
        raise BrokenOff(f"the answer was broken off: {written}")
    if plain in _ENDS or plain in _KEPT:
        return _ENDS.get(plain, plain)
    notes.append(f"ends its answers with {written[:40]!r}, which is taken for {STOP!r}")
    return STOP


def _said(message: _Message) -> tuple[str, str]:
    """Return (thinking, text) of a message whose content may come in parts."""
    thinking = next(filter(None, (_thought(getattr(message, name)) for name in _THOUGHTS)), "")
    if not isinstance(message.content, list):
        return thinking.strip(), message.content or ""
    texts: list[str] = []
    thoughts: list[str] = [thinking] if thinking else []
    for part in message.content:
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(kind, str) and kind.startswith(("thinking", "reasoning", "thought")):
            thoughts.append(_thought(part))
        else:
            texts.append(_text(part))
    return "\n".join(thoughts).strip(), "".join(texts)


def _thought(value: Any) -> str:
    """Return what was thought in a field, a part, or a list of parts."""
    if isinstance(value, list):
        return "".join(map(_thought, value))
    if isinstance(value, dict):
        return _thought(next((value[key] for key in _INNER if value.get(key)), ""))
    return value if isinstance(value, str) else ""


def _text(value: Any) -> str:
    """Return the text of a part, or of a list of parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_text(part) for part in value if isinstance(part, str | dict))
    return value["text"] if isinstance(value, dict) and isinstance(value.get("text"), str) else ""


def _json(text: str, notes: list[str], request: Request, *, wrapped: bool) -> str:
    several = request.calls.several if request.calls else (request.schema or {}).get("type") == "array"
    text, found = bare_json(text, several=several)
    notes += [f"writes JSON {around}, which are taken off" for around in found]
    if wrapped:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(value, dict) and set(value) == {WRAPPER}:
            return json.dumps(value[WRAPPER], ensure_ascii=False)
    return text


def _token_id(token: str) -> int | None:
    """Return the id in vLLM's spelling of a token as its id, `token_id:17`, or None."""
    name, _, number = token.rpartition(":")
    return (
        int(number)
        if name == "token_id" and number.isascii() and number.isdigit() and len(number) < 10
        else None
    )
