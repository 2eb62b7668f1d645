"""The proxy's record is what the benchmark's claims rest on: what was answered, what was asked again, what a
dead server looks like."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bench.peers.processes import until
from bench.peers.proxy import Exchange, Proxy, Record, prompt_id
from bench.peers.server import free_port


class _Teacher(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"choices": [], "usage": {"completion_tokens": 7}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def teacher() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Teacher)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def proxy(teacher: str) -> Iterator[Proxy]:
    proxy = Proxy(free_port())
    proxy.listen(teacher)
    yield proxy
    proxy.close()


def _ask(proxy: Proxy, question: str) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": question}], "max_tokens": 7}).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"{proxy.url}/chat/completions", data=body), timeout=20
    ) as answer:
        answer.read()


def test_answers_are_counted_with_the_servers_own_tokens(proxy: Proxy) -> None:
    for question in ("one", "two", "one"):
        _ask(proxy, question)
    # A client may have its answer before the proxy has entered it.
    assert until(lambda: len(proxy.record.answered) == 3, 30, 0.01)
    assert [exchange.tokens for exchange in proxy.record.answered] == [7, 7, 7]
    assert proxy.record.exchanges[0].prompt == prompt_id([{"role": "user", "content": "one"}])
    assert proxy.record.repeated() == 1


def test_a_killed_server_refuses_until_it_listens_again(proxy: Proxy, teacher: str) -> None:
    killed: list[int] = []
    proxy.record = Record(kill_after=2, on_kill=lambda: killed.append(1))
    _ask(proxy, "one")
    assert not killed
    _ask(proxy, "two")
    proxy.refuse()
    assert killed == [1]
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        _ask(proxy, "three")
    proxy.listen(teacher)
    _ask(proxy, "three")
    assert killed == [1]
    assert proxy.record.repeated() == 0


def test_a_server_that_is_gone_breaks_the_connection(proxy: Proxy) -> None:
    proxy.listen(f"http://127.0.0.1:{free_port()}")
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        _ask(proxy, "one")
    assert len(proxy.record.exchanges) == 1
    assert not proxy.record.answered


def test_only_what_was_answered_before_is_repeated() -> None:
    def exchange(prompt: str, started: float, ended: float | None) -> Exchange:
        return Exchange(prompt, {}, started, ended)

    asked_twice_at_once = [exchange("a", 0.0, 5.0), exchange("a", 1.0, 6.0)]
    assert Record(exchanges=asked_twice_at_once).repeated() == 0
    broken_off_then_asked = [exchange("a", 0.0, None), exchange("a", 7.0, 8.0)]
    assert Record(exchanges=broken_off_then_asked).repeated() == 0
    asked_again = [
        exchange("a", 0.0, 5.0),
        exchange("a", 5.5, None),
        exchange("a", 6.0, 7.0),
        exchange("b", 6.0, 7.0),
    ]
    assert Record(exchanges=asked_again).repeated() == 2


def test_parts_of_text_are_the_same_prompt_as_the_text() -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "one"}]}]
    assert prompt_id(parts) == prompt_id([{"role": "user", "content": "one"}])
    assert prompt_id(parts) != prompt_id([{"role": "user", "content": "one "}])
