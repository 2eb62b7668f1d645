"""`factory export` as it is typed."""

from pathlib import Path

import pytest

from factory.workspace import Workspace
from tests.support.command import factory, typed
from tests.support.export_stores import make_store, many, read_lines


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_store(tmp_path_factory.mktemp("工作 space"), many(60, seeds=20))


@pytest.mark.parametrize("format", ["jsonl", "parquet", "hf"])
def test_paths_go_to_standard_output_and_counts_to_standard_error(
    tmp_path: Path, workspace: Workspace, format: str
) -> None:
    target = tmp_path / "数据 é\u202e"
    done = factory("export", "-w", workspace.root, "--format", format, "-o", target, "--validation", "0.3")
    assert done.returncode == 0, done.stderr
    names = [f"/{split}.{format}" for split in ("train", "validation")] if format != "hf" else [""]
    assert done.stdout == "".join(f"{target}{name}\n" for name in names)
    assert "train: 48 rows from 16 seeds\nvalidation: 12 rows from 4 seeds\n" in done.stderr
    assert (target / "README.md").is_file()


def test_one_file(tmp_path: Path, workspace: Workspace) -> None:
    target = tmp_path / "deep" / "数据.jsonl"
    done = factory("export", "-w", workspace.root, "--format", "jsonl", "-o", target)
    assert (done.returncode, done.stdout) == (0, f"{target}\n")
    assert len(read_lines(target)) == 60
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ["--format", "jsonl", "-o", "x.jsonl", "--validation", "0.1"],
            "one file, but --validation writes two",
        ),
        (["--format", "hf", "-o", "x.jsonl"], "does not match the format hf"),
        (["--format", "jsonl", "-o", "x", "--licence", "mine\nlicense: mit"], "SPDX"),
        (["--format", "jsonl", "-o", "/"], "not a valid name for a new file"),
        (["--format", "hf", "-o", "a::b"], "chain of file systems"),
        (["--format", "jsonl", "-o", "\udcff"], "not UTF-8"),
        (["--format", "csv", "-o", "x"], "csv"),
        (["--format", "jsonl"], "output"),
    ],
)
def test_what_cannot_be_carried_out_is_said(workspace: Workspace, arguments: list[str], why: str) -> None:
    done = typed("export", "-w", workspace.root, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr


def test_a_split_without_seeds_is_said(tmp_path: Path, workspace: Workspace) -> None:
    done = typed(
        "export", "-w", workspace.root, "--format", "jsonl", "-o", tmp_path / "x", "--validation", "0.0001"
    )
    assert done.returncode == 0
    assert "no seed fell to validation" in done.stderr
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["README.md", "train.jsonl"]
