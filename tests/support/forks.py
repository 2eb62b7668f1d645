"""Processes that begin with a heavy library loaded: it is imported once, and each of them is a fork of the
process that has it."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any
from unittest.mock import patch

_CONTEXT = multiprocessing.get_context("forkserver")


@contextmanager
def forked(
    target: Callable[..., None], *arguments: Any, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[BaseProcess, Connection]]:
    """Run `target(*arguments, connection)` in a process of its own, and yield it with the other end.

    The first call says what is loaded, the module of its target, and in which environment.
    """
    _CONTEXT.set_forkserver_preload([target.__module__])
    ours, theirs = _CONTEXT.Pipe()
    child = _CONTEXT.Process(target=target, args=(*arguments, theirs))
    with patch.dict(os.environ, environment or {}):
        child.start()
    # The last writer is the child: when it ends, so does what can be received.
    theirs.close()
    try:
        yield child, ours
    finally:
        child.kill()
        child.join()
        ours.close()
