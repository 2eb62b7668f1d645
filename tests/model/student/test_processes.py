"""Two processes that share a batch learn what one learns from the whole of it."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.support.forks import forked


def _losses(folder: Path, processes: int) -> list[float]:
    """Return the losses that the first of the processes logged."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with ExitStack() as stack:
        children = [
            stack.enter_context(forked("tests.support.two_processes", folder, rank, processes, port))
            for rank in range(processes)
        ]
        told = [connection.recv() for _, connection in children]
        for child, _ in children:
            child.join()
            assert child.exitcode == 0
    assert [count for count, _ in told] == [processes] * processes
    return told[0][1]


def test_two_processes_lie_on_one(tmp_path: Path) -> None:
    one = _losses(tmp_path / "one", 1)
    assert len(one) == 3
    assert _losses(tmp_path / "two", 2) == pytest.approx(one, abs=1e-4)
