"""The command as a person runs it: in a process of its own, or, where only words and exit codes count, within
this one."""

import io
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from factory.cli.main import main

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "factory.cli.main"]
ENVIRONMENT = os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


def factory(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `factory ARGUMENTS` to its end; a traceback is never what a person should see."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=ROOT, env=ENVIRONMENT, capture_output=True, check=False
    )
    # Not by `text=True`, which makes line feeds of carriage returns.
    shown = subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
    assert "Traceback" not in shown.stderr, shown.stderr
    return shown


def typed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `factory ARGUMENTS` here, a second sooner than `factory` does; what escapes from it, fails the
    test."""
    command, code = ["factory", *map(str, arguments)], 0
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2)]
    with (
        same_signals(),
        redirect_stdout(streams[0]),
        redirect_stderr(streams[1]),
        patch.dict(os.environ, ENVIRONMENT),
        patch("sys.argv", command),
        chdir(ROOT),
    ):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    shown = []
    for stream in streams:
        stream.flush()
        shown.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(command, code, *shown)


@contextmanager
def same_signals() -> Iterator[None]:
    """Put back what a command does about signals."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def on_a_terminal(*arguments: str | Path) -> str:
    """Run `factory ARGUMENTS` with a terminal as its standard output, and return what reached the
    terminal."""
    ours, theirs = pty.openpty()
    shown = b""
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=ROOT, env=ENVIRONMENT, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        try:
            while some := os.read(ours, 65536):
                shown += some
        except OSError:
            pass  # how Linux says that nobody holds the other end any more
        assert process.wait() == 0
    os.close(ours)
    return shown.decode()
