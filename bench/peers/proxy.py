"""What stands between the programs and the server: it passes every request on unchanged and keeps a record of
it.

Promise: an exchange counts as answered when the whole answer with status 200 was written to the client. When
the server dies, the clients see what they would have seen without a proxy: connections that break, then
connections that are refused. Answers are passed on whole, so a client that streams would wait for the end;
none here does.
"""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

_SAMPLING = (
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "logprobs",
    "top_logprobs",
    "n",
    "stream",
)
_HOP = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "content-encoding", "accept-encoding"}
)


def prompt_id(messages: Any) -> str:
    """Return the digest of a request's roles and texts: what makes it the same question. A list of text parts
    is the text that it holds."""
    said = [(message["role"], _text(message["content"])) for message in messages]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


@dataclass
class Exchange:
    """One request to the chat and what became of it. Times are monotonic seconds; `ended` is None if it was
    not answered."""

    prompt: str
    sampling: dict[str, Any]
    started: float
    ended: float | None = None
    tokens: int = 0


@dataclass
class Record:
    """All exchanges of one run, in the order in which they came. At `kill_after` answers `on_kill` is called,
    once."""

    kill_after: int | None = None
    on_kill: Callable[[], None] | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    most_in_flight: int = 0
    in_flight: int = 0
    killed: bool = False

    @property
    def answered(self) -> list[Exchange]:
        """Those that were answered."""
        return [exchange for exchange in self.exchanges if exchange.ended is not None]

    @property
    def tokens(self) -> int:
        """Completion tokens, as the server counts them."""
        return sum(exchange.tokens for exchange in self.exchanges)

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        return (
            max((exchange.ended or 0.0 for exchange in self.exchanges), default=0.0)
            - self.exchanges[0].started
        )

    def repeated(self) -> int:
        """How many requests asked what had been answered before."""
        events = [(exchange.started, True, exchange.prompt) for exchange in self.exchanges]
        events += [
            (exchange.ended, False, exchange.prompt)
            for exchange in self.exchanges
            if exchange.ended is not None
        ]
        known: set[str] = set()
        again = 0
        for _, is_request, prompt in sorted(events):
            if not is_request:
                known.add(prompt)
            elif prompt in known:
                again += 1
        return again


class Proxy:
    """Listens on one port of the loopback from a thread of its own. `record` may be exchanged between
    runs."""

    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}/v1"
        self.record = Record()
        self.upstream = ""
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._set_up())

    def listen(self, upstream: str) -> None:
        """Pass requests on to `upstream`; to be called again after the server was killed."""
        self.upstream = upstream
        self._call(self._listen())

    def refuse(self) -> None:
        """Close the port and break every connection."""
        self._call(self._refuse())

    def close(self) -> None:
        """End for good."""
        self._call(self._tear_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _call(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _set_up(self) -> None:
        # No limit and no timeout: patience is the client's business.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
        )
        application = web.Application(client_max_size=2**26)
        application.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        self._site: web.TCPSite | None = None

    async def _listen(self) -> None:
        if self._site is None:
            self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True, backlog=1024)
            await self._site.start()

    async def _refuse(self) -> None:
        site, self._site = self._site, None
        if site is not None:
            await site.stop()
        # A moment, so that answers that are already in the kernel's buffers reach their clients.
        await asyncio.sleep(0.2)
        server = self._runner.server
        for connection in server.connections if server is not None else ():
            if connection.transport is not None:
                connection.transport.abort()

    async def _tear_down(self) -> None:
        await self._refuse()
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        record = self.record
        exchange = None
        if request.method == "POST" and request.path.endswith("/chat/completions"):
            exchange = _exchange(body)
            record.exchanges.append(exchange)
            record.in_flight += 1
            record.most_in_flight = max(record.most_in_flight, record.in_flight)
        try:
            return await self._answer(request, body, record, exchange)
        finally:
            if exchange is not None:
                record.in_flight -= 1

    async def _answer(
        self, request: web.Request, body: bytes, record: Record, exchange: Exchange | None
    ) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        try:
            async with self._session.request(
                request.method, self.upstream + request.path_qs, data=body, headers=headers
            ) as answer:
                content = await answer.read()
                status, kind = answer.status, answer.headers.get("Content-Type", "application/json")
        except (aiohttp.ClientError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPBadGateway from None
        response = web.Response(status=status, body=content, headers={"Content-Type": kind})
        await response.prepare(request)
        await response.write_eof()
        if exchange is not None and status == 200:
            exchange.ended = time.monotonic()
            exchange.tokens = json.loads(content)["usage"]["completion_tokens"]
            if (
                record.kill_after is not None
                and not record.killed
                and len(record.answered) >= record.kill_after
            ):
                record.killed = True
                if record.on_kill is not None:
                    record.on_kill()
                self._ending = asyncio.ensure_future(self._refuse())
        return response


def _exchange(body: bytes) -> Exchange:
    asked = json.loads(body)
    sampling = {name: asked[name] for name in _SAMPLING if asked.get(name) is not None}
    return Exchange(prompt_id(asked["messages"]), sampling, time.monotonic())
