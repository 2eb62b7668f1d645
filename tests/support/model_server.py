"""A real HTTP server on this machine that speaks as much of the OpenAI chat API as a test needs, and says
what it is told to say."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any]


@dataclass
class Server:
    """What a server says, and what it was asked.

    `plan` is used up first, one reply a question: a status with a body (JSON, or bytes as they are) or a
    function that returns one. After that every question is answered by `always`, or else with `text`.
    """

    url: str = ""
    model: str = "tiny"
    owner: str = "vllm"
    text: str = "yes"
    models: Reply | None = None
    always: Callable[[dict[str, Any]], Reply] | None = None
    headers_sent: dict[str, str] = field(default_factory=dict)
    plan: list[Reply | Callable[[], Reply]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, path: str, headers: dict[str, str], body: dict[str, Any] | None) -> Reply:
        """Return the reply to one request."""
        with self.lock:
            self.headers.append(headers)
            self.paths.append(path)
            if body is None:
                listed = {
                    "object": "list",
                    "data": [{"id": self.model, "object": "model", "created": 0, "owned_by": self.owner}],
                }
                return self.models or (200, listed)
            self.asked.append(body)
            if not self.plan and self.always:
                return self.always(body)
            planned = self.plan.pop(0) if self.plan else (200, completion(body, self.text))
        return planned() if callable(planned) else planned


def completion(body: dict[str, Any], text: str, **choice: Any) -> dict[str, Any]:
    """Return a chat completion; tokens are spelt as ids where the question asked for that, as vLLM does."""
    as_ids = body.get("return_tokens_as_token_ids", False)
    tokens = [
        {"token": f"token_id:{120 + i}" if as_ids else f"t{i}", "logprob": -0.1 * (i + 1), "bytes": None}
        for i in range(3)
    ]
    content = [token | {"top_logprobs": tokens[: body.get("top_logprobs", 0)]} for token in tokens[:2]]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
                "logprobs": {"content": content} if body.get("logprobs") else None,
                **({"token_ids": [120, 121]} if body.get("return_token_ids") else {}),
                **choice,
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13},
    }


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve on a free port of this machine, whose URL is then in `server.url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(*server.reply(self.path, self._headers(), None))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(*server.reply(self.path, self._headers(), body))

        def _headers(self) -> dict[str, str]:
            return {name.lower(): value for name, value in self.headers.items()}

        def _send(self, status: int, body: Any) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if data.startswith(b"<") else "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in server.headers_sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:  # the client gave up
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    server.url = f"http://127.0.0.1:{listener.server_port}/v1"
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
