"""Local OpenAI-compatible server of a student with a classification head, in this process: vLLM's would know
neither its calibration nor when to pass a text on.

A chat completion's answer is the label of the last message; the field `label` beside it has the probability
of each. A text whose label is less likely than `Deferring.below` is deferred: to another server where there
is one, whose answer is handed on, else by an answer without content whose `refusal` says so. `deferred` is
true in both.

Promise: on 127.0.0.1 alone; what is no such request is refused with one sentence. Not promised: a key,
encryption or limits; put a proxy before it that has them.
"""

import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from factory.errors import FactoryError, InputError
from factory.models.folder import inspect
from factory.models.forms import has_head
from factory.serve.server import HOST

LARGEST_BODY = 1 << 20  # bytes
PATIENCE = 300.0  # seconds in which another server may stay silent


class Labels(Protocol):
    """What answers: `factory.inference.classifier.Classifier`."""

    def probabilities(self, text: str) -> dict[str, float] | None:
        """Return the probability of each label, None for a text that is too long."""
        ...


@dataclass(frozen=True)
class Deferring:
    """Texts are deferred whose label is less likely than `below`, to the server at the URL `to`, which ends
    in /v1, where there is one, and to its model of that name."""

    below: float = 0.0
    to: str = ""
    model: str = ""


class Refused(Exception):
    """A request that is not answered, with its status."""

    def __init__(self, status: HTTPStatus, why: str):
        super().__init__(why)
        self.status = status


class LabelServing:
    """A running server: `url` ends in /v1, `model` is the name to ask for. Entering it starts answering."""

    def __init__(self, model: Labels, name: str, *, port: int, deferring: Deferring | None = None):
        try:
            self._server = _Server((HOST, port), _Handler)
        except OSError as error:
            message = f"port {port} of {HOST} cannot be used: {error.strerror}"
            raise InputError(message, "Choose another with --port; 0 takes a free one.") from None
        self.model = self._server.name = name
        self._server.labels, self._server.deferring = model, deferring or Deferring()
        self.url = f"http://{HOST}:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "LabelServing":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self) -> None:
        """Return when the process is interrupted."""
        self._thread.join()


def is_classifier(folder: Path) -> bool:
    """Whether the model in a folder answers by a classification head."""
    config = folder / "config.json"
    return config.is_file() and has_head(json.loads(config.read_text(encoding="utf-8")))


def label_serving(folder: Path, *, port: int, deferring: Deferring) -> LabelServing:
    """Load the student in `folder` and return its server."""
    from factory.inference.classifier import Classifier

    inspect(folder)
    return LabelServing(Classifier(folder), folder.name, port=port, deferring=deferring)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    labels: Labels
    deferring: Deferring
    name: str

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        # One text after the other: threads of torch would take the cores from each other.
        self._one_by_one = threading.Lock()

    def completion(self, body: dict[str, Any], key: str | None) -> dict[str, Any]:
        """Return the chat completion of a request."""
        text = _text(body)
        with self._one_by_one:
            shares = self.labels.probabilities(text)
        if shares is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "the text is longer than the model was made for")
        label = max(shares, key=lambda name: shares[name])
        told = {"label": label, "probability": shares[label], "probabilities": shares}
        if shares[label] >= self.deferring.below:
            return self._said({"role": "assistant", "content": label}, told, deferred=False)
        if self.deferring.to:
            return self._passed_on(body, key) | {"label": told, "deferred": True}
        why = f"deferred: no label has the probability {self.deferring.below:.3f}"
        return self._said({"role": "assistant", "content": None, "refusal": why}, told, deferred=True)

    def _said(self, message: dict[str, Any], told: dict[str, Any], *, deferred: bool) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self.name,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
            "label": told,
            "deferred": deferred,
        }

    def _passed_on(self, body: dict[str, Any], key: str | None) -> dict[str, Any]:
        url = f"{self.deferring.to.rstrip('/')}/chat/completions"
        asked = {name: value for name, value in body.items() if not name.startswith("stream")}
        asked |= {"model": self.deferring.model or body.get("model", "")}
        headers = {"Content-Type": "application/json"} | ({"Authorization": key} if key else {})
        request = urllib.request.Request(url, json.dumps(asked).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(HTTPStatus.BAD_GATEWAY, f"{url} answered with HTTP {error.code}") from None
        except (OSError, ValueError) as error:
            raise Refused(HTTPStatus.BAD_GATEWAY, f"{url} did not answer: {error}") from None
        if not isinstance(said, dict):
            raise Refused(HTTPStatus.BAD_GATEWAY, f"{url} answered with no JSON object")
        return said


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "factory-labels", ""
    timeout = 30

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            listed = {"id": self.server.name, "object": "model", "created": 0, "owned_by": "factory"}
            self._send(HTTPStatus.OK, {"object": "list", "data": [listed]})
        elif self.path == "/health":
            self._send(HTTPStatus.OK, {})
        else:
            self._refuse(HTTPStatus.NOT_FOUND, f"there is nothing at {self.path}")

    def do_POST(self) -> None:
        if self.path != "/v1/chat/completions":
            self._refuse(HTTPStatus.NOT_FOUND, f"there is nothing at {self.path}")
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 12) or int(length) > LARGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY} bytes are read")
            return
        try:
            body = json.loads(self.rfile.read(int(length)))
            if not isinstance(body, dict):
                raise Refused(HTTPStatus.BAD_REQUEST, "the body is no JSON object")
            said = self.server.completion(body, self.headers.get("Authorization"))
        except Refused as refused:
            self._refuse(refused.status, str(refused))
        except (ValueError, RecursionError):
            self._refuse(HTTPStatus.BAD_REQUEST, "the body is not JSON")
        except FactoryError as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, error.message)
        else:
            self._stream(said) if body.get("stream") else self._send(HTTPStatus.OK, said)

    def _stream(self, said: dict[str, Any]) -> None:
        """Send a completion as the one chunk that it is."""
        choices = [
            {
                "index": choice.get("index", 0),
                "delta": choice.get("message"),
                "finish_reason": choice.get("finish_reason"),
            }
            for choice in said.get("choices", [])
        ]
        chunk = said | {"object": "chat.completion.chunk", "choices": choices}
        data = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
        self._write(HTTPStatus.OK, data, "text/event-stream")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.close_connection = True
        self._send(status, {"error": {"message": why, "type": "invalid_request_error", "code": status.value}})

    def _send(self, status: HTTPStatus, value: Any) -> None:
        self._write(status, json.dumps(value).encode(), "application/json")

    def _write(self, status: HTTPStatus, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: texts are a person's own."""


def _text(body: dict[str, Any]) -> str:
    """Return what the last message says."""
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else None for part in content]
        content = "".join(parts) if all(isinstance(part, str) for part in parts) else None  # type: ignore[arg-type]
    if not isinstance(content, str):
        raise Refused(HTTPStatus.BAD_REQUEST, "messages must end with one whose content is text")
    return content
