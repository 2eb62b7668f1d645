"""A process that serves the OpenAI chat API as somebody else's server would, well or badly: `python -m
tests.support.peer PORT MODE`.

Modes: `hold:N` answers N questions and keeps all later ones waiting; `garbage` and `500` are what their names
say; `wrong` answers all, and after a line on standard input answers rightly. It prints a line for each thing
that happens: `ready`, then `MODE SEED` for each question, told apart by the sampling seed, when it is held or
has been answered.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RIGHT = "It is as it is.\nAnswer: 5"
WRONG = "I would rather not."
MODEL = "peer"
# Not for the sake of order: without it thousands of questions would be answered while the other server
# starts.
SECONDS = 0.05


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(
            200,
            {
                "object": "list",
                "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "somebody"}],
            },
        )

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not _begin():
            _say(f"held {asked['seed']}")
            threading.Event().wait()
        if mode == "garbage":
            self._send(200, b'{"id": "chatcmpl-9", "choices": [{"message": {"content": 12')
        elif mode == "500":
            self._send(500, {"error": {"message": "CUDA out of memory"}})
        else:
            time.sleep(SECONDS)
            self._send(200, _completion(asked, WRONG if mode == "wrong" else RIGHT))
        _say(f"{mode} {asked['seed']}")

    def _send(self, status: int, body: Any) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def _completion(asked: dict[str, Any], text: str) -> dict[str, Any]:
    top = [{"token": word, "logprob": -0.5 - place, "bytes": None} for place, word in enumerate(("{", "I"))]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
                "logprobs": {"content": [top[0] | {"top_logprobs": top[: asked["top_logprobs"]]}]},
            }
        ],
        "usage": {"prompt_tokens": 40, "completion_tokens": 1, "total_tokens": 41},
    }


def _begin() -> bool:
    global answers_left
    with lock:
        answers_left -= 1
        return answers_left >= 0


def _say(line: str) -> None:
    with lock:
        print(line, flush=True)


def _become_right() -> None:
    global mode
    if sys.stdin.readline():
        mode = "right"


if __name__ == "__main__":
    lock = threading.Lock()
    mode, _, number = sys.argv[2].partition(":")
    answers_left = int(number or 10**9)
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler)
    threading.Thread(target=_become_right, daemon=True).start()
    _say("ready")
    server.serve_forever()
