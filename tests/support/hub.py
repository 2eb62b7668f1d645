"""A stand-in for the Hugging Face Hub that speaks what `huggingface_hub` says when something is pushed:
repositories, modes of upload, Git LFS, one commit. It can cut the connection, and refuse a token."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import pytest
from huggingface_hub import constants

TOKEN = "hf_0123456789abcdefghij"
_SMALL = 100  # bytes of a file that is sent within the commit


@dataclass
class Repository:
    """What a repository shows: its files after the last commit, and how many commits there were."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0


@dataclass
class Hub:
    """The state of the server. `cut` names the step at which connections end: lfs, commit, answer (the commit
    is made, and its answer lost); `bodies` is all that was ever sent, `uploads` the large files that came."""

    url: str = ""
    may_write: bool = True
    cut: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return the status and the answer of a request; ConnectionError to cut it."""
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if match := re.fullmatch(r"/lfs/([0-9a-f]{64})", path):
            return self._upload(match[1], body)
        if match := re.fullmatch(r"/(datasets/)?(.+)\.git/info/lfs/objects/batch", path):
            return 200, {
                "transfer": "basic",
                "objects": [self._lfs(one) for one in json.loads(body)["objects"]],
            }
        match = re.fullmatch(
            r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(preupload|commit|revision)/main)?", path
        )
        assert match is not None, f"{method} {path} is nothing that this hub knows"
        key = f"{match[1]}/{match[2]}"
        if key not in self.repositories:
            return 404, {"error": "Repository not found"}
        if match[3] in (None, "revision"):
            found = self.repositories[key]
            siblings = [{"rfilename": name} for name in [".gitattributes", *found.files]]
            return 200, {"id": match[2], "sha": "0" * 40, "private": found.private, "siblings": siblings}
        if not self.may_write:
            return 403, {"error": "You have read access but not the required permissions"}
        if match[3] == "preupload":
            return 200, {
                "files": [self._mode(self.repositories[key], one) for one in json.loads(body)["files"]]
            }
        return self._commit(match[2], self.repositories[key], body)

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        if not self.may_write:
            return 403, {"error": "You don't have the rights to create a model under this namespace"}
        kind = asked.get("type") or "model"
        name = f"{asked['organization']}/{asked['name']}"
        self.repositories[f"{kind}s/{name}"] = Repository(asked.get("visibility") == "private")
        return 200, {"url": f"{self.url}/{'datasets/' if kind == 'dataset' else ''}{name}"}

    def _mode(self, there: Repository, file: dict[str, Any]) -> dict[str, Any]:
        held, large = there.files.get(file["path"]), file["size"] > _SMALL
        oid = None
        if held is not None:
            git = hashlib.sha1(f"blob {len(held)}\0".encode() + held).hexdigest()
            oid = hashlib.sha256(held).hexdigest() if large else git
        mode = "lfs" if large else "regular"
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}

    def _lfs(self, one: dict[str, Any]) -> dict[str, Any]:
        if one["oid"] in self.blobs:
            return one
        return one | {"actions": {"upload": {"href": f"{self.url}/lfs/{one['oid']}"}}}

    def _upload(self, oid: str, body: bytes) -> tuple[int, Any]:
        # The first large file arrives all the same.
        if self.cut == "lfs" and self.uploads:
            raise ConnectionError
        assert hashlib.sha256(body).hexdigest() == oid
        self.blobs[oid] = body
        self.uploads.append(oid)
        return 200, {}

    def _commit(self, name: str, there: Repository, body: bytes) -> tuple[int, Any]:
        if self.cut == "commit":
            raise ConnectionError
        files = dict(there.files)
        for line in body.splitlines():
            told = json.loads(line)
            value = told["value"]
            if told["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif told["key"] == "lfsFile":
                files[value["path"]] = self.blobs[value["oid"]]
            elif told["key"] == "deletedFile":
                del files[value["path"]]
            else:
                assert told["key"] == "header"
        there.files, there.commits = files, there.commits + 1
        if self.cut == "answer":
            raise ConnectionError
        return 200, {"commitUrl": f"{self.url}/{name}/commit/1", "commitOid": "1" * 40}


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    lock: Any
    protocol_version = "HTTP/1.1"

    def _any(self) -> None:
        body = self._body()
        self.hub.bodies.append(body)
        try:
            with self.lock:
                status, answer = self._answer(body)
        except ConnectionError:
            self.close_connection = True
            self.connection.close()
            return
        text = json.dumps(answer).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("X-Error-Message", "Invalid credentials in Authorization header")
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _answer(self, body: bytes) -> tuple[int, Any]:
        sent = self.headers.get("Authorization")
        if sent != f"Bearer {TOKEN}" and not self.path.startswith("/lfs/"):
            # A server that says again what it was sent.
            return 401, {"error": f"Invalid token {sent}"}
        return self.hub.answer(self.command, self.path.partition("?")[0], body)

    do_GET = do_POST = do_PUT = _any

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Run a hub, and have `huggingface_hub` in this process take it for its own, by Git LFS and with
    `TOKEN`."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub, "lock": Lock()}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    # It waits before it tries again, and no test waits.
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
