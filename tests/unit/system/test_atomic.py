"""A file is replaced complete or not at all; what ended processes left is found, what living ones write
stays."""

import os
from pathlib import Path

import pytest

from factory.system.atomic import abandoned, beside, remove_abandoned, replacing

NOBODY = 2**22 + 1  # above the largest process id of Linux


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(target) as staging:
        staging.write_text("new")
        _ = 1 / 0
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_success_replaces_the_content(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    with replacing(target) as staging:
        staging.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_only_what_ended_processes_left_is_removed(tmp_path: Path) -> None:
    target = tmp_path / "model"
    left = tmp_path / f".model.staging-{NOBODY}"
    living = tmp_path / f".model.staging-{os.getppid()}"
    other = tmp_path / f".model-2.staging-{NOBODY}"
    strange = tmp_path / ".model.staging-me"
    for folder in (left, living, other, strange, beside(target)):
        folder.mkdir()
    assert set(abandoned(tmp_path)) == {left, other}
    remove_abandoned(target)
    assert set(tmp_path.iterdir()) == {living, other, strange}
