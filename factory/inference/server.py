"""Client of one OpenAI-compatible server, and the classification of its errors.

Promise: `ask` returns a checked completion or raises Failure (no answer this time), Busy (not now),
Refused (this request is wrong), or FactoryError (a key, a model or an address is wrong).
No error contains the key, not even where the server repeats it. Not promised: an end to an
answer that trickles in; `timeout_s` is time without a byte.
"""

import datetime
import email.utils
import math
import urllib.parse
from typing import Any

import openai
import pydantic

from factory.errors import FactoryError
from factory.inference.complaint import LONGEST, Complaint, read_complaint
from factory.inference.completion import Completion, read_completion
from factory.inference.request import Request
from factory.text.reasons import RequestError

# Seconds until a machine that is switched off, or a list of models that does not come, is a failure: neither
# waits for a model to answer.
_CONNECT, _LIST = 10.0, 30.0
_WRONG_REQUEST = frozenset({400, 413, 422})
_PASSING = frozenset({408, 409, 425, 429})
_NONSENSE = (openai.OpenAIError, ValueError, TypeError, AttributeError, RecursionError)


class Failure(Exception):
    """An attempt without an answer. `outcome` is its code (timeout, connection, bad_answer, http_500, …),
    `reason` is for a person."""

    def __init__(self, outcome: str, reason: str):
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class Busy(Failure):
    """The server has no room now, which is no fault of the request; `rest` is the seconds of its
    Retry-After, if it sent one."""

    def __init__(self, outcome: str, reason: str, rest: float | None):
        super().__init__(outcome, reason)
        self.rest = rest


class Refused(Failure):
    """The server finds this one request wrong; `error` is the answer's reason code."""

    def __init__(self, status: int, complaint: Complaint, reason: str):
        super().__init__(f"http_{status}", reason)
        self.complaint = complaint
        self.error = RequestError(f"refused_{status}")


class Server:
    """The server at `url`, which serves `model`; `timeout_s` is how many seconds it may stay silent. `url` is
    also what is stored: it is kept without user, query and fragment."""

    def __init__(self, url: str, model: str, *, key: str, timeout_s: float):
        self.url = _without_secrets(url)
        self._model = model
        self._key = key
        self._client = openai.OpenAI(
            base_url=url, api_key=key or "none", max_retries=0, timeout=_timeout(timeout_s)
        )
        self._list_timeout = _timeout(min(timeout_s, _LIST))
        self._is_vllm: bool | None = None

    def connect(self) -> None:
        """Look whether the server has the model, and whether it is vLLM; Failure if it is out of reach or
        sends garbage, FactoryError if it refuses or has other models."""
        try:
            served = {
                str(model.id): model.owned_by
                for model in self._client.models.list(timeout=self._list_timeout).data
            }
        except openai.APIStatusError as error:
            raise self._failure(error) from None
        except openai.APITimeoutError as error:
            raise Failure("timeout", self._reason(error)) from None
        except openai.APIConnectionError as error:
            raise Failure("connection", self._reason(error)) from None
        except _NONSENSE as error:
            raise Failure("bad_answer", self._reason(error)) from None
        if self._model not in served:
            raise FactoryError(
                f"{self.url} serves {', '.join(served) or 'nothing'}, not {self._model}",
                "Correct teacher.model.",
            )
        self._is_vllm = "vllm" in served.values()

    def ask(self, request: Request, *, max_tokens: int | None = None) -> Completion:
        """Send a request once; `max_tokens` replaces the request's own."""
        if self._is_vllm is None:
            self.connect()
        arguments = self._arguments(request, max_tokens or request.sampling.max_tokens)
        try:
            body = self._client.chat.completions.with_raw_response.create(**arguments).content
        except openai.APIStatusError as error:
            if error.status_code in _WRONG_REQUEST:
                raise self._refused(error) from None
            raise self._failure(error) from None
        except openai.APITimeoutError as error:
            raise Failure("timeout", self._reason(error)) from None
        except openai.APIConnectionError as error:
            raise Failure("connection", self._reason(error)) from None
        try:
            return read_completion(body)
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Failure("bad_answer", f"not a chat completion: {where}: {first['msg']}"[:300]) from None

    def _failure(self, error: openai.APIStatusError) -> Failure | FactoryError:
        status, reason = error.status_code, self._reason(error)
        rest = _retry_after(error.response.headers.get("retry-after"))
        if status == 429 or (status == 503 and rest is not None):
            return Busy(f"http_{status}", reason, rest)
        if status >= 500 or status in _PASSING:
            return Failure(f"http_{status}", reason)
        if status in (401, 403):
            return FactoryError(f"{self.url} rejects the key: {reason}", "Check teacher.api_key_env.")
        return FactoryError(f"{self.url} returned {reason}", "Check teacher.endpoints and teacher.model.")

    def _refused(self, error: openai.APIStatusError) -> Refused:
        return Refused(error.status_code, read_complaint(error.response.content), self._reason(error))

    def _reason(self, error: Exception) -> str:
        """Return an error in one line, in the server's words where it has some, without the key, which some
        servers repeat."""
        text = str(error)
        if isinstance(error, openai.APIStatusError):
            said = read_complaint(error.response.content).sentence or error.response.reason_phrase
            text = f"HTTP {error.status_code}: {said}"
        text = text.replace(self._key, "…") if self._key else text
        return (text.splitlines() or [type(error).__name__])[0][:LONGEST]

    def _arguments(self, request: Request, max_tokens: int) -> dict[str, Any]:
        sampling = request.sampling
        arguments: dict[str, Any] = {
            "model": self._model,
            "messages": request.messages,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": max_tokens,
            "seed": request.seed,
        }
        if sampling.logprobs:
            arguments |= {"logprobs": True, "top_logprobs": sampling.logprobs}
        if request.schema:
            arguments["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": request.schema},
            }
        if request.tools:
            arguments["tools"] = request.tools
        if self._is_vllm:
            arguments["extra_body"] = {
                "return_tokens_as_token_ids": True,
                "return_token_ids": True,
                "ignore_eos": request.ignore_eos,
            }
        return arguments


def _timeout(seconds: float) -> openai.Timeout:
    return openai.Timeout(seconds, connect=min(seconds, _CONNECT))


def _without_secrets(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which holds a number or a date (RFC 9110, 10.2.3); None if
    it holds neither."""
    try:
        seconds = float(value or "")
    except ValueError:
        try:
            when = email.utils.parsedate_to_datetime(value or "")
            # A date that names no zone is in UTC.
            seconds = (
                when.replace(tzinfo=when.tzinfo or datetime.UTC) - datetime.datetime.now(datetime.UTC)
            ).total_seconds()
        except (ValueError, OverflowError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
