"""`factory export --format model`: a student's folder with its card, complete, its digests proved."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from factory.models.artifact import verify
from factory.serve.server import choose
from factory.workspace import Workspace
from tests.support.command import typed
from tests.support.finished_student import STUDENT, rows, student_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("folder")
    return student_workspace(folder / "w", rows(folder / "base"))


def exported(workspace: Workspace, target: Path, *more: str) -> tuple[int, str]:
    done = typed("export", "-w", workspace.root, "--format", "model", "-o", target, *more)
    return done.returncode, done.stdout + done.stderr


def test_the_folder_is_the_student_with_its_card(workspace: Workspace, tmp_path: Path) -> None:
    code, told = exported(workspace, tmp_path / "out", "--artifact", STUDENT)
    assert (code, told) == (0, f"{tmp_path / 'out'}\n{STUDENT}: 4 files\n")
    files = verify(workspace.models / STUDENT).files
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*files, "README.md"}
    for name in files:
        assert (tmp_path / "out" / name).read_bytes() == (workspace.models / STUDENT / name).read_bytes()
    assert ModelCard.load(tmp_path / "out" / "README.md").data.model_name == STUDENT


def test_without_a_name_it_is_the_one_that_is_served(workspace: Workspace, tmp_path: Path) -> None:
    assert exported(workspace, tmp_path / "out")[0] == 0
    served = choose(workspace, None).name
    assert f"# `{served}`" in (tmp_path / "out" / "README.md").read_text()


def test_only_such_a_folder_is_replaced(workspace: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert exported(workspace, target)[0] == 0
    code, told = exported(workspace, target)
    assert code == 2 and "exists already" in told
    assert exported(workspace, target, "--force")[0] == 0
    (target / "mine.txt").write_text("mine")
    code, told = exported(workspace, target, "--force")
    assert code == 2 and "mine.txt" in told and (target / "mine.txt").is_file()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--validation", "0.1"], "are for datasets"),
        (["--licence", "MIT"], "are for datasets"),
        (["--recipe", "x.yaml"], "--recipe is for"),
        (["--artifact", "student-x"], "no student 'student-x'"),
    ],
)
def test_what_is_not_for_a_student_is_refused(
    workspace: Workspace, tmp_path: Path, more: list[str], why: str
) -> None:
    code, told = exported(workspace, tmp_path / "out", *more)
    assert code == 2 and why in told and not (tmp_path / "out").exists()
