"""Two servers, one of which is killed, hangs, talks garbage and fails: the run goes on with the other and
tells everything.

What happens next is always decided by what the servers have seen: the questions that the bad one had are
waited for at the good one.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

import pytest

from factory.store.reader import ask
from tests.support.peer import MODEL
from tests.support.small_run import COMMAND, ROOT

COUNT = 40
RECIPE = """\
name: two-servers
teacher:
  model: {model}
  endpoints: [{urls}]
  timeout_s: 2
  concurrency: 4
  logprobs: 2
data: {{kind: rationale, seeds: {root}/data/seeds/reasoning.jsonl, count: {count}, examples: 1}}
checks: [schema]
"""


class Peer:
    """A server in a process of its own; what it prints waits in `lines`, and an empty line says that there is
    nothing more to wait for."""

    def __init__(self, port: int, mode: str):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.peer", str(port), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.lines = SimpleQueue[str]()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        assert self.lines.get() == "ready"

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put("")

    def first(self, mode: str) -> str:
        """Wait for the first question that meets with `mode`, and return its seed."""
        while not (line := self.lines.get()).startswith(f"{mode} "):
            assert line, "the server or the run has ended"
        return line.removeprefix(f"{mode} ")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def start() -> Iterator[Callable[[int, str], Peer]]:
    with ExitStack() as stack:

        def start_one(port: int, mode: str) -> Peer:
            peer = Peer(port, mode)
            stack.callback(peer.kill)
            return peer

        yield start_one


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def test_the_run_finishes_on_the_server_that_is_well(
    tmp_path: Path, start: Callable[[int, str], Peer]
) -> None:
    bad_port, good_port = free_ports(2)
    bad_url, good_url = (f"http://127.0.0.1:{port}/v1" for port in (bad_port, good_port))
    recipe, workspace = tmp_path / "recipe.yaml", tmp_path / "w"
    recipe.write_text(
        RECIPE.format(model=MODEL, urls=f"{bad_url}, {good_url}", root=ROOT, count=COUNT), encoding="utf-8"
    )
    good, bad = start(good_port, "wrong"), start(bad_port, "hold:6")
    with (tmp_path / "said").open("w") as said:
        command = [*COMMAND, "generate", str(recipe), "-w", str(workspace)]
        run = subprocess.Popen(command, stderr=said, cwd=ROOT, env={**os.environ, "NO_PROXY": "127.0.0.1"})

    def tell() -> None:
        run.wait()
        for peer in (good, bad):
            peer.lines.put("")

    watch = threading.Thread(target=tell)
    watch.start()
    try:
        # Killed with a question in its hands.
        seed = bad.first("held")
        bad.kill()
        while good.first("wrong") != seed:
            pass
        # Back on its feet, then stopped with a question in its hands: the connection stands, and nothing
        # comes.
        bad = start(bad_port, "hold:6")
        seed = bad.first("held")
        bad.process.send_signal(signal.SIGSTOP)
        while good.first("wrong") != seed:
            pass
        for mode in ("garbage", "500"):
            bad.kill()
            bad = start(bad_port, mode)
            seed = bad.first(mode)
            while good.first("wrong") != seed:
                pass
        assert run.poll() is None
        assert good.process.stdin is not None
        good.process.stdin.write("now\n")
        good.process.stdin.flush()
        assert run.wait() == 0, (tmp_path / "said").read_text()
    finally:
        run.kill()
        watch.join()

    store = workspace / "factory.duckdb"
    for outcome in ("connection", "timeout", "bad_answer", "http_500"):
        ((failed,),) = ask(
            store, f"SELECT count(*) FROM attempts WHERE outcome = '{outcome}' AND endpoint = '{bad_url}'"
        ).rows
        assert failed > 0, outcome
    ((here,),) = ask(
        store, f"SELECT count(*) FROM attempts WHERE outcome = 'ok' AND endpoint = '{bad_url}'"
    ).rows
    assert here > 0, "it was never asked again after it had been killed"
    assert ask(store, "SELECT count(*) FROM training_set").rows == [[COUNT]]
    assert ask(store, "SELECT count(*) FROM plan_items ANTI JOIN generations USING (request_key)").rows == [
        [0]
    ]
    assert ask(store, "SELECT request_key FROM generations GROUP BY ALL HAVING count(*) > 1").rows == []
    assert ask(store, "SELECT request_key FROM plan_items GROUP BY ALL HAVING count(*) > 1").rows == []
    assert ask(store, "SELECT count(*) FROM generations WHERE error IS NOT NULL").rows == [[0]]
    disagreeing = """
        SELECT request_key, g.attempts, a.attempts, a.outcomes
        FROM generations g FULL JOIN (
            SELECT request_key, count(*) AS attempts, list(attempt ORDER BY attempt) AS numbers,
                list(outcome ORDER BY attempt) AS outcomes
            FROM attempts GROUP BY request_key
        ) a USING (request_key)
        WHERE g.attempts IS DISTINCT FROM a.attempts OR numbers <> range(1, g.attempts + 1)
           OR outcomes[-1] <> 'ok' OR list_contains(outcomes[:-2], 'ok')
    """
    assert ask(store, disagreeing).rows == []
    assert good_url in {url for (url,) in ask(store, "SELECT DISTINCT endpoint FROM attempts").rows}
