"""A target is there whole, as it was before, or not at all: refusals, --force, a full disk, a kill."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from factory.errors import FactoryError, InputError
from factory.workspace import Workspace
from tests.support.command import COMMAND, ENVIRONMENT, ROOT
from tests.support.export_stores import export_to, make_store, many, read_lines
from tests.support.sample_rows import digests, finished, make_workspace

# Exports until row 1500, says so, and waits to be killed.
STUCK = """
import sys
from pathlib import Path
from factory.export.rows import Tally
from tests.support.export_stores import export_to
from factory.workspace import Workspace
count, add = 0, Tally.add

def stop(*arguments, **named):
    global count
    count += 1
    if count == 1500:
        print("stuck", flush=True)
        sys.stdin.read()
    add(*arguments, **named)

Tally.add = stop
export_to(Workspace(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3], force=True)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A store with more rows than are written at once; an export only reads it."""
    return make_store(tmp_path_factory.mktemp("large"), many(3000, seeds=5))


@pytest.mark.parametrize("format", ["jsonl", "parquet", "hf"])
def test_a_kill_leaves_what_was_there(tmp_path: Path, large: Workspace, format: str) -> None:
    target = tmp_path / "out" / "the data"
    for before in ({}, None):
        if before is None:
            export_to(large, target, format)
            before = digests(target)
        process = subprocess.Popen(
            [sys.executable, "-c", STUCK, large.root, target, format],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            assert process.stdout is not None and process.stdout.readline() == "stuck\n"
            process.send_signal(signal.SIGKILL)
        (left,) = [path for path in target.parent.iterdir() if path != target]
        assert left.name.startswith(".")
        assert digests(target) == before
        assert target.exists() is bool(before)

    export_to(large, target, format, force=True)
    assert [path.name for path in target.parent.iterdir()] == ["the data"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, large: Workspace) -> None:
    for format in ("jsonl", "parquet", "hf"):
        done = subprocess.run(
            [*COMMAND, "export", "-w", large.root, "--format", format, "-o", tmp_path / "out" / "set"],
            cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (1, "")
        assert "cannot be written" in done.stderr and "Traceback" not in done.stderr
        assert list((tmp_path / "out").iterdir()) == []


def test_an_existing_target_is_refused(tmp_path: Path) -> None:
    workspace = make_store(tmp_path / "w", many(2, seeds=1))
    (tmp_path / "file.jsonl").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file.jsonl", "folder", "link"):
        with pytest.raises(InputError, match="exists already"):
            export_to(workspace, tmp_path / name)
    assert (tmp_path / "file.jsonl").read_text() == "mine"


def test_force_replaces_an_export_and_nothing_else(tmp_path: Path) -> None:
    workspace = make_store(tmp_path / "w", many(30, seeds=10))
    for format in ("parquet", "hf", "jsonl"):
        export_to(workspace, tmp_path / "out", format, force=True, validation=0.5)
    assert sorted(digests(tmp_path / "out")) == ["README.md", "train.jsonl", "validation.jsonl"]

    export_to(workspace, tmp_path / "one.jsonl")
    export_to(workspace, tmp_path / "one.jsonl", force=True)
    assert len(read_lines(tmp_path / "one.jsonl")) == 30

    (tmp_path / "out" / "notes.txt").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "one.jsonl")
    before = digests(tmp_path)
    for name, why in (("out", "notes.txt"), ("w", "no export wrote"), ("link", "is a link")):
        with pytest.raises(InputError, match=why):
            export_to(workspace, tmp_path / name, force=True)
    assert digests(tmp_path) == before


def test_the_store_is_only_read(tmp_path: Path) -> None:
    workspace = make_store(tmp_path / "w", many(30, seeds=10))
    before = digests(workspace.root)
    export_to(workspace, tmp_path / "out", "hf")
    assert digests(workspace.root) == before


def test_nothing_to_export_is_an_error(tmp_path: Path) -> None:
    rejected = make_store(tmp_path / "rejected", many(3, seeds=1), rejected=3)
    with pytest.raises(FactoryError, match="no accepted sample.*\n.*3 samples were rejected"):
        export_to(rejected, tmp_path / "out")
    young = make_workspace(tmp_path / "young", {"runs": finished()["runs"]})
    with pytest.raises(FactoryError, match="no accepted sample.*\n.*factory run"):
        export_to(young, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_busy_or_strange_store_is_said(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "factory.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(FactoryError, match="cannot be opened"):
        export_to(Workspace(tmp_path / "w"), tmp_path / "out")
    with pytest.raises(InputError, match="not a workspace"):
        export_to(Workspace(tmp_path / "nothing"), tmp_path / "out")
