"""The file of a person's tools, and the child process that runs them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.tools.sandbox import CustomTools
from tests.support.custom_tools import LIMITS, SOURCE, specs


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "tools.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tools(file: Path) -> Iterator[CustomTools]:
    with CustomTools(file, specs(), LIMITS) as own:
        yield own


@pytest.fixture
def own(file: Path) -> Iterator[CustomTools]:
    with CustomTools(file, specs(), LIMITS) as own:
        yield own
