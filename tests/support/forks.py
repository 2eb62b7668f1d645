"""Processes that begin with a heavy library loaded: it is imported once, and each of them is a fork of the
process that has it."""

import importlib
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any
from unittest.mock import patch

_CONTEXT = multiprocessing.get_context("forkserver")


@contextmanager
def forked(
    module: str, *arguments: Any, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[BaseProcess, Connection]]:
    """Run `main(*arguments, connection)` of a module in a process of its own, and yield the process with the
    other end of the connection.

    The first call decides which module is loaded beforehand, and in which environment.
    """
    _CONTEXT.set_forkserver_preload([module])
    ours, theirs = _CONTEXT.Pipe()
    child = _CONTEXT.Process(target=_main, args=(module, *arguments, theirs))
    with patch.dict(os.environ, environment or {}):
        child.start()
    # The child has the only other end: when it ends, so does what can be received.
    theirs.close()
    try:
        yield child, ours
    finally:
        child.kill()
        child.join()
        ours.close()


def _main(module: str, *arguments: Any) -> None:
    importlib.import_module(module).main(*arguments)
