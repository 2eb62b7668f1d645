"""Client of one OpenAI-compatible server, and the classification of its errors.

Promise: `ask` returns a completion that was read, or raises Failure (no answer this time), Busy (not now),
Refused (this request is wrong), or FactoryError (a key, a model or an address is wrong). What the server does
not take is left out or put otherwise (`factory.inference.dialect`) before a request counts as refused. No
error contains the key, not even where the server repeats it. Not promised: an end to an answer that trickles
in; `timeout_s` is time without a byte.
"""

import datetime
import difflib
import email.utils
import math
import re
from collections.abc import Callable
from typing import Any

import openai
import pydantic

from factory.errors import FactoryError
from factory.inference.address import address
from factory.inference.complaint import LONGEST, Complaint, read_complaint
from factory.inference.completion import BrokenOff, Completion, read_completion
from factory.inference.dialect import Dialect
from factory.inference.native_calls import native
from factory.inference.request import Request
from factory.text.reasons import RequestError

# Seconds until a machine that is switched off, or a list of models that does not come, is a failure: neither
# waits for a model to answer.
_CONNECT, _LIST = 10.0, 30.0
_WRONG_REQUEST = frozenset({400, 413, 422, 501})
_NO_LIST = frozenset({400, 404, 405, 501})
_PASSING = frozenset({408, 409, 425, 429})
_NONSENSE = (openai.OpenAIError, ValueError, TypeError, AttributeError, RecursionError)
_MODERATED = re.compile(r"moderat|flagged|content.?(?:filter|policy|management)", re.IGNORECASE)
MOST_CHANGES = 16


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
    """The server at `url`, which serves `model`; `timeout_s` is how many seconds it may stay silent,
    `extra_body` is sent with every request, `tools` are called by the server's own tool calling, `tell` gets
    what a person should know. `self.url` is what is stored: without user, query and fragment."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str,
        timeout_s: float,
        extra_body: dict[str, Any] | None = None,
        tools: list[dict[str, Any]] | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ):
        at = address(url)
        self.url = at.shown
        self._model = model
        self._key = key
        self._tell = lambda text: tell(f"note: {self.url} {text}")
        self._client = openai.OpenAI(
            base_url=at.base,
            api_key=key or "none",
            max_retries=0,
            timeout=_timeout(timeout_s),
            default_query=at.query,
            default_headers={"api-key": key} if at.is_azure and key else None,
        )
        self._list_timeout = _timeout(min(timeout_s, _LIST))
        self._dialect = Dialect(extra_body or {}, self._tell)
        self._tools = tools
        self._is_connected = False

    def connect(self) -> None:
        """Look whether the server has the model, and whether it is vLLM; where it lists none, or others, the
        first request decides. Failure if it is out of reach, FactoryError if it refuses."""
        try:
            served = {
                str(model.id): model.owned_by
                for model in self._client.models.list(timeout=self._list_timeout).data
            }
        except openai.APIStatusError as error:
            if error.status_code not in _NO_LIST:
                raise self._failure_of(error) from None
            served = None
            self._tell(f"lists no models ({self._reason(error)}): the first request decides")
        except openai.APITimeoutError as error:
            raise Failure("timeout", self._reason(error)) from None
        except openai.APIConnectionError as error:
            raise Failure("connection", self._reason(error)) from None
        except _NONSENSE:
            served = None
            self._tell("lists no models: the first request decides")
        self._is_connected = True
        if served is None:
            return
        if self._model not in served:
            near = difflib.get_close_matches(self._model, served, n=3, cutoff=0.3) or sorted(served)[:3]
            names = ", ".join(near) + (
                f" and {len(served) - len(near)} more" if len(served) > len(near) else ""
            )
            self._tell(f"lists {names or 'nothing'}, not {self._model}: the first request decides")
        if "vllm" in served.values():
            self._dialect.gives_ids = True

    def ask(self, request: Request, *, max_tokens: int | None = None) -> Completion:
        """Send a request until the server takes its parameters; `max_tokens` replaces the request's own."""
        if not self._is_connected:
            self.connect()
        request = native(request, self._tools) if self._tools else request
        most = max_tokens or request.sampling.max_tokens
        for left in reversed(range(MOST_CHANGES)):
            body = self._dialect.body(request, most)
            try:
                return self._put(request, body)
            except Refused as refusal:
                if not left or not self._dialect.adapt(refusal.complaint, request, body, most):
                    raise
        raise AssertionError("the last refusal was raised")

    def _put(self, request: Request, body: dict[str, Any]) -> Completion:
        try:
            sent = self._client.chat.completions.with_raw_response.create(
                model=self._model,
                messages=request.messages,
                extra_body=body,
            ).content
        except openai.APIStatusError as error:
            raise self._failure_of(error) from None
        except openai.APITimeoutError as error:
            raise Failure("timeout", self._reason(error)) from None
        except openai.APIConnectionError as error:
            raise Failure("connection", self._reason(error)) from None
        try:
            completion = read_completion(sent, request, wrapped=self._dialect.wraps(request, body))
        except BrokenOff as error:
            said = self._hidden(read_complaint(sent).sentence)
            raise Failure("bad_answer", f"{error}: {said}" if said else str(error)) from None
        except pydantic.ValidationError as error:
            raise self._no_completion(sent, error) from None
        self._dialect.saw(request, completion.has_ids)
        for note in completion.notes:
            self._tell(note)
        return completion

    def _no_completion(self, sent: bytes, error: pydantic.ValidationError) -> Failure | FactoryError:
        """Return what is wrong with a 200: an error inside it, or no chat completion."""
        complaint = read_complaint(sent) if b'"error"' in sent else Complaint("")
        if complaint.status is not None:
            return self._failure(complaint.status, complaint, None)
        if complaint.sentence:
            return Failure("bad_answer", self._hidden(f"an error: {complaint.sentence}"))
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Failure("bad_answer", f"not a chat completion: {where}: {first['msg']}"[:LONGEST])

    def _failure_of(self, error: openai.APIStatusError) -> Failure | FactoryError:
        complaint = read_complaint(error.response.content)
        if not complaint.sentence:
            complaint = Complaint(error.response.reason_phrase)
        rest = _retry_after(error.response.headers.get("retry-after"))
        return self._failure(error.status_code, complaint, rest)

    def _failure(self, status: int, complaint: Complaint, rest: float | None) -> Failure | FactoryError:
        reason = self._hidden(f"HTTP {status}: {complaint.sentence}")
        # A filter that looks at the question refuses it as forbidden.
        if status in _WRONG_REQUEST or (status == 403 and _MODERATED.search(complaint.sentence)):
            return Refused(status, complaint, reason)
        if status == 429 or (status == 503 and rest is not None):
            return Busy(f"http_{status}", reason, rest)
        if status >= 500 or status in _PASSING:
            return Failure(f"http_{status}", reason)
        if status in (401, 403):
            return FactoryError(f"{self.url} rejects the key: {reason}", "Check teacher.api_key_env.")
        return FactoryError(
            f"{self.url} returned {reason}",
            "Check teacher.endpoints and teacher.model; most servers' URLs end in /v1.",
        )

    def _reason(self, error: Exception) -> str:
        """Return an error in one line, in the server's words where it has some."""
        if isinstance(error, openai.APIStatusError):
            return str(self._failure_of(error)).splitlines()[0].removeprefix(f"{self.url} returned ")
        return self._hidden((str(error).splitlines() or [type(error).__name__])[0])

    def _hidden(self, text: str) -> str:
        """Return a text without the key, which some servers repeat."""
        return (text.replace(self._key, "…") if self._key else text)[:LONGEST]


def _timeout(seconds: float) -> openai.Timeout:
    return openai.Timeout(seconds, connect=min(seconds, _CONNECT))


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
