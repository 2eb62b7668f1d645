"""What one server takes: the parameters of a request, under its own names, as far as it knows them.

Promise: a parameter that the server names in a refusal is replaced or left out, and that is told once; what
decides the answer beyond doubt (messages, tools, a person's own `extra_body` and `template`) never is.
Requests have the same keys whatever a server takes. Not promised: that a server which refuses nothing does
what it is asked. Safe to use from many threads.
"""

import re
import threading
from collections.abc import Callable
from typing import Any

from factory.inference.complaint import Complaint
from factory.inference.completion import WRAPPER
from factory.inference.request import Request

TOKEN_IDS = ("return_tokens_as_token_ids", "return_token_ids")
LENGTHS = ("max_tokens", "max_completion_tokens")
SEEDS = ("seed", "random_seed")  # the second is Mistral's
_LOGPROBS = ("logprobs", "top_logprobs")
# Least missed first: where a sentence names several, one is tried at a time.
_SPARED = (
    *TOKEN_IDS,
    "ignore_eos",
    *_LOGPROBS,
    *SEEDS,
    "top_p",
    "temperature",
    "response_format",
    "parallel_tool_calls",
    "tool_choice",
    *LENGTHS,
)
_LOST = {
    "parallel_tool_calls": "it may call several tools at once",
    "tool_choice": "it may call none",
    "seed": "the same run may draw other answers",
    "temperature": "it draws at its own",
    "top_p": "it draws at its own",
    "logprobs": "no log-probabilities are kept",
    "response_format": "it is not held to a schema",
}
_UNKNOWN = re.compile(
    r"unsupported|not (?:be )?(?:supported|permitted|allowed|recogni[sz]ed|available)|unrecogni[sz]ed|"
    r"unknown|unexpected|extra (?:input|field)|deprecated|cannot find|additional propert|"
    r"invalid (?:argument|parameter)",
    re.IGNORECASE,
)
_STRICT = re.compile(r"extra (?:input|field)", re.IGNORECASE)
_LIMIT = re.compile(r"max|<=|≤|at most|less than|up to|between|range|greater than|exceed", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.-])\d+(?![\w-]|\.\d)")
_SCHEMA = re.compile(r"response_format|json_schema|\bschema\b|structured output|grammar", re.IGNORECASE)


class Dialect:
    """What a server takes, learnt from its refusals. `gives_ids`: it is known to spell tokens as ids;
    otherwise it is looked whether it does, where logprobs are asked for. `extra_body` is sent as it is;
    `tell` gets what the server does not take."""

    def __init__(self, extra_body: dict[str, Any], tell: Callable[[str], None]):
        self.gives_ids: bool | None = None
        self._extra_body, self._tell = extra_body, tell
        self._left_out: set[str] = set()
        self._length, self._seed = LENGTHS[0], SEEDS[0]
        self._most_logprobs: int | None = None
        self._wraps, self._is_plain_json = False, False
        self._lock = threading.Lock()

    def body(self, request: Request, max_tokens: int) -> dict[str, Any]:
        """Return what is sent beside the model and the messages."""
        sampling = request.sampling
        body: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            self._length: max_tokens,
            self._seed: request.seed,
        }
        if sampling.logprobs:
            most = self._most_logprobs
            top = sampling.logprobs if most is None else min(most, sampling.logprobs)
            body |= {"logprobs": True, "top_logprobs": top}
        if request.schema is not None:
            body["response_format"] = self._format(request.schema)
        if request.tools:
            body["tools"] = request.tools
        if request.calls:
            body["tool_choice"] = "auto" if request.calls.optional else "required"
            if not request.calls.several:
                body["parallel_tool_calls"] = False
        if self.gives_ids or (self.gives_ids is None and sampling.logprobs):
            body |= dict.fromkeys(TOKEN_IDS, True)
        if self.gives_ids or request.ignore_eos:
            body["ignore_eos"] = request.ignore_eos
        if request.template:
            body["chat_template_kwargs"] = request.template
        body = {name: value for name, value in body.items() if name not in self._left_out}
        return body | self._extra_body

    def wraps(self, request: Request, body: dict[str, Any]) -> bool:
        """Return whether this body asks for an object around what the request asks for."""
        if request.schema is None or body.get("response_format", {}).get("type") != "json_schema":
            return False
        return body["response_format"]["json_schema"]["schema"] is not request.schema

    def saw(self, request: Request, has_ids: bool) -> None:
        """Take note of an answer: whether tokens came as ids where that was asked for."""
        if self.gives_ids is None and request.sampling.logprobs:
            self.gives_ids = has_ids

    def adapt(self, complaint: Complaint, request: Request, body: dict[str, Any], max_tokens: int) -> bool:
        """Take note of a refusal of that body; return whether asking once more makes sense."""
        with self._lock:
            if self.body(request, max_tokens) != body:
                return True
            sent = [name for name in _SPARED if name in body and name not in self._extra_body]
            for name in self._named(complaint, sent):
                if self._spare(name, complaint.sentence, request, body):
                    return True
            if _SCHEMA.search(complaint.sentence) and "response_format" in sent:
                return self._spare("response_format", complaint.sentence, request, body)
            # It was only looked whether the server knows them.
            return (
                self.gives_ids is None
                and TOKEN_IDS[0] in sent
                and self._spare(TOKEN_IDS[0], "", request, body)
            )

    def _named(self, complaint: Complaint, sent: list[str]) -> list[str]:
        pointed = [name for name in sent if name in complaint.names]
        said = complaint.sentence
        return pointed + [name for name in sent if name not in pointed and re.search(rf"\b{name}\b", said)]

    def _spare(self, name: str, sentence: str, request: Request, body: dict[str, Any]) -> bool:
        """Do without a parameter, or with another; return whether that is possible."""
        if name in (*TOKEN_IDS, "ignore_eos"):
            self._left_out |= {*TOKEN_IDS, "ignore_eos"}
            self.gives_ids = False
            return True
        if name in LENGTHS:
            other = LENGTHS[1]
            # A length that is too large is no length that is unknown, even where both names are said.
            if self._length == other or not (_UNKNOWN.search(sentence) or "instead" in sentence):
                return False
            self._length = other
            self._tell(f"takes {other} for {name}")
            return True
        if name in _LOGPROBS:
            asked = body.get("top_logprobs", 0)
            below = [number for number in map(int, _NUMBER.findall(sentence)) if 0 < number < asked]
            if below and _LIMIT.search(sentence):
                self._most_logprobs = max(below)
                self._tell(f"gives at most {max(below)} log-probabilities for a token")
            else:
                self._leave_out("logprobs", *_LOGPROBS)
            return True
        if name == SEEDS[0] and _STRICT.search(sentence):
            # Who takes no parameter that is unknown can be asked whether another is known.
            self._seed = SEEDS[1]
            self._tell(f"is sent {SEEDS[1]} for {SEEDS[0]}")
            return True
        if name == SEEDS[1]:
            self._left_out.add(name)
            name = SEEDS[0]
        if name == "response_format":
            return self._spare_format(request.schema or {})
        self._leave_out(name, name)
        return True

    def _spare_format(self, schema: dict[str, Any]) -> bool:
        if not _is_object(schema) and not self._wraps:
            self._wraps = True
        elif _is_object(schema) and not self._is_plain_json:
            self._is_plain_json = True
            self._tell("takes no JSON Schema, only response_format json_object")
        else:
            self._leave_out("response_format", "response_format")
        return True

    def _leave_out(self, what: str, *names: str) -> None:
        self._left_out |= set(names)
        self._tell(f"does not take {what}: it is left out, and {_LOST[what]}")

    def _format(self, schema: dict[str, Any]) -> dict[str, Any]:
        if self._is_plain_json and _is_object(schema):
            return {"type": "json_object"}
        if self._wraps and not _is_object(schema):
            schema = {
                "type": "object",
                "properties": {WRAPPER: schema},
                "required": [WRAPPER],
                "additionalProperties": False,
            }
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _is_object(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "object"
