"""Caches of hidden states made in this process: for tests whose point is not the process that a teacher is
loaded in, which takes ten seconds to import what loads one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import torch

from factory.student import cache
from factory.tasks.rows import TrainingRow


@contextmanager
def made_here() -> Iterator[None]:
    """Make caches in this process instead of one of their own."""
    with patch.object(cache, "_make_alone", _make):
        yield


def _make(
    folder: Path,
    teacher: Path,
    rows: Sequence[TrainingRow],
    layers: Sequence[int],
    dtype: torch.dtype,
    pad: int,
) -> None:
    cache._make(folder, teacher, cache._words(rows), layers, dtype, pad)
