"""HTTP server of the review page: loopback only, protected by a token, no outside resources.

Promise: without the token, from another origin, under another host name (DNS rebinding), with another method
or a large body there is an error and nothing else; the page can load nothing from the network
(Content-Security-Policy) and runs no text of a sample as script. Not promised: protection from other programs
of the same user, who can read the workspace anyway.
"""

import hmac
import json
import secrets
import urllib.parse
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from factory.errors import FactoryError, InputError
from factory.review.judging import EditJudge
from factory.review.samples import Samples, shown_edit
from factory.review.verdicts import Outdated, Overruled, Verdicts
from factory.workspace import Workspace

LARGEST_BODY = 1 << 20  # bytes
_PAGE = Path(__file__).with_name("page")
_FILES = {
    "/": ("index.html", "text/html"),
    "/review.js": ("review.js", "text/javascript"),
    "/review.css": ("review.css", "text/css"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class ReviewServer(ThreadingHTTPServer):
    """A server for one workspace on 127.0.0.1; `port` 0 takes a free one. `url` is where a person goes, token
    included."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, workspace: Workspace, port: int = 0, recipe: Path | None = None):
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise InputError(
                f"port {port} cannot be used: {error.strerror}", "Choose another one with --port."
            ) from None
        self.token = secrets.token_urlsafe(24)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"http://{self.host}/?token={self.token}"
        samples, self.judge = Samples(workspace.store), EditJudge(workspace, recipe)
        verdicts = Verdicts(workspace, self.judge)
        self.read: dict[str, Callable[[dict[str, str]], Any]] = {
            "/api/overview": lambda asked: samples.overview(),
            "/api/samples": samples.page,
            "/api/sample": lambda asked: samples.sample(asked.get("id", "")),
        }
        self.write: dict[str, Callable[[dict[str, Any]], Any]] = {
            "/api/verdict": lambda body: verdicts.judge(
                _text(body, "id"),
                passed=body.get("passed") is True,
                reason=_text(body, "reason"),
                note=_text(body, "note"),
                seen=_seen(body),
            ),
            "/api/judge": lambda body: shown_edit(
                samples.judged(self.judge, _text(body, "id"), _texts(body, "changes"))
            ),
            "/api/edit": lambda body: {
                "id": verdicts.edit(
                    _text(body, "id"), _texts(body, "changes"), _names(body, "overruled"), _seen(body)
                )
            },
            "/api/undo": lambda body: {"id": verdicts.undo(_text(body, "id"), _seen(body))},
        }

    def server_close(self) -> None:
        super().server_close()
        self.judge.close()


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    server_version, sys_version = "factory-review", ""
    timeout = 30

    def do_GET(self) -> None:
        asked = self._asked()
        if asked is None:
            return
        path, values = asked
        if path in _FILES:
            name, kind = _FILES[path]
            self._send(
                HTTPStatus.OK,
                (_PAGE / name).read_bytes().replace(b"@TOKEN@", self.server.token.encode()),
                kind,
            )
        elif path in self.server.read:
            self._answer(lambda: self.server.read[path](values))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "not found")

    def do_POST(self) -> None:
        asked = self._asked()
        if asked is None:
            return
        path, _ = asked
        length = self.headers.get("Content-Length", "")
        if path not in self.server.write:
            self._refuse(HTTPStatus.NOT_FOUND, "not found")
        elif self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json")
        elif not (length.isascii() and length.isdigit() and len(length) < 12) or int(length) > LARGEST_BODY:
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"Content-Length is required, with at most {LARGEST_BODY} bytes",
            )
        else:
            body = self.rfile.read(int(length))
            self._answer(lambda: self.server.write[path](_object(body)))

    def _asked(self) -> tuple[str, dict[str, str]] | None:
        """Return path and values of a request that may be answered; otherwise refuse it and return None."""
        url = urllib.parse.urlsplit(self.path)
        values = {name: given[-1] for name, given in urllib.parse.parse_qs(url.query).items()}
        given = self.headers.get("X-Review-Token") or values.pop("token", "")
        origin, site = self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site", "none")
        if self.headers.get("Host") != self.server.host:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "unexpected Host header")
        elif origin not in (None, f"http://{self.server.host}") or site not in ("none", "same-origin"):
            self._refuse(HTTPStatus.FORBIDDEN, "requests from other pages are not answered")
        elif not hmac.compare_digest(given.encode("utf-8", "replace"), self.server.token.encode()):
            self._refuse(
                HTTPStatus.FORBIDDEN,
                "the token is missing or wrong: open the address that factory review printed",
            )
        else:
            return url.path, values
        return None

    def _answer(self, work: Callable[[], Any]) -> None:
        try:
            self._json(HTTPStatus.OK, work())
        except Overruled as error:
            self._json(HTTPStatus.CONFLICT, {"error": error.message, **shown_edit(error.judged)})
        except Outdated as error:
            self._json(HTTPStatus.CONFLICT, {"error": error.message})
        except InputError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, error.message)
        except FactoryError as error:
            # The store or the workspace is held by a run: the page tries again.
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, error.message)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.close_connection = True
        self._json(status, {"error": why})

    def _json(self, status: HTTPStatus, value: Any) -> None:
        self._send(status, json.dumps(value, ensure_ascii=True, allow_nan=False).encode(), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in (
            _HEADERS | {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body))}
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the URL contains the token."""


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("the body is not JSON") from None
    if not isinstance(value, dict):
        raise InputError("the body is not a JSON object")
    return value


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise InputError(f"{name} is not a string")
    return value


def _texts(body: dict[str, Any], name: str) -> dict[str, str]:
    value = body.get(name)
    if not isinstance(value, dict) or not value or not all(isinstance(text, str) for text in value.values()):
        raise InputError(f"{name} is not an object of strings")
    return value


def _names(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise InputError(f"{name} is not a list of strings")
    return value


def _seen(body: dict[str, Any]) -> str | None:
    return _text(body, "seen") if "seen" in body else None
