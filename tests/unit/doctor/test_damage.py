"""Every damage, through the command as a person runs it: the doctor names it, what is lost and what to do; a
run stops and says so."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.errors import FactoryError
from factory.generate.check import check
from factory.generate.stage import generate
from factory.models.artifact import publish, verify
from factory.workspace import Workspace
from tests.support.command import factory, typed
from tests.support.sample_rows import digests, generation, log_rows, make_workspace, open_store
from tests.support.scripted import Model, call, load, opened, project
from tests.support.store_writer import kill_writer
from tests.unit.models.test_folder import CONFIG, write_weights


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("recipe"), "tool_call", "count: 4")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of which some batches lie in the file and some in the write-ahead log alone."""
    workspace = make_workspace(
        tmp_path_factory.mktemp("left"), {"training_log": log_rows(2)}, {"generations": many("first")}
    )
    kill_writer(workspace, 5)
    assert wal(workspace).stat().st_size
    return workspace.root


@pytest.fixture
def workspace(left: Path, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(left, tmp_path / "work")))


def many(name: str) -> list[dict[str, object]]:
    return [generation(f"{name}{number}", f"{number:032x}" * 40) for number in range(1500)]


def wal(workspace: Workspace) -> Path:
    return workspace.store.with_name("factory.duckdb.wal")


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def flip_everywhere(workspace: Workspace) -> None:
    for place in range(3 * 4096 + 9000, workspace.store.stat().st_size, 1 << 18):
        flip(workspace.store, place)


def another_store(workspace: Workspace) -> None:
    other = make_workspace(workspace.root.parent / "other", *[{"training_log": log_rows(1)}] * 20)
    shutil.copyfile(other.store, workspace.store)
    wal(workspace).unlink()


# What is done, what the doctor's faults say, and what the store says when it is opened, where it can tell.
DAMAGES: dict[str, tuple[Callable[[Workspace], object], list[str], str | None]] = {
    "log deleted": (
        lambda w: wal(w).unlink(),
        ["lost: batches 3 to ", "There is no factory.duckdb.wal", "5 of generations"],
        "has lost . of . batches",
    ),
    "log torn": (
        lambda w: os.truncate(wal(w), wal(w).stat().st_size // 2),
        ["lost: batch", "factory.duckdb.wal ends after batch"],
        "has lost .* batches",
    ),
    "log flipped": (
        lambda w: flip(wal(w), wal(w).stat().st_size // 2),
        ["it is intact, but factory.duckdb.wal"],
        "cannot be opened",
    ),
    "file truncated": (
        lambda w: os.truncate(w.store, w.store.stat().st_size // 2),
        ["blocks are missing: it was cut short"],
        None,
    ),
    "file cut to a stub": (
        lambda w: os.truncate(w.store, 100),
        ["within its header"],
        "cannot be opened",
    ),
    "file cut in its header": (
        lambda w: os.truncate(w.store, 5000),
        ["within its header"],
        "cannot be opened",
    ),
    "bytes flipped": (flip_everywhere, ["are not what was written"], None),
    "file emptied": (
        lambda w: w.store.write_bytes(b""),
        ["it is empty: 0 bytes", "1,5"],
        "cannot be opened",
    ),
    "file overwritten": (
        lambda w: w.store.write_bytes(b"x" * 20000),
        ["it is not a DuckDB file"],
        "cannot be opened",
    ),
    "file gone": (
        lambda w: w.store.unlink(),
        ["factory.duckdb is gone", "1,5"],
        "has lost . of . batches",
    ),
    "file and log gone": (
        lambda w: (w.store.unlink(), wal(w).unlink()),
        ["factory.duckdb is gone", "1,5"],
        "has lost . of . batches",
    ),
    "another store": (
        another_store,
        ["this is another store"],
        "has lost .* batches",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_doctor_names_it_and_a_run_stops(workspace: Workspace, recipe: Path, damage: str) -> None:
    inflict, named, refused = DAMAGES[damage]
    inflict(workspace)
    before = digests(workspace.root)

    # Twice: a store that is refused is left as it was, and no new one is made in its place.
    for _ in range(2 if refused else 0):
        with pytest.raises(FactoryError, match=refused):
            open_store(workspace)
    assert digests(workspace.root) == before

    found = typed("doctor", "-w", workspace.root)
    assert found.returncode == 1
    faults = [line for line in found.stdout.splitlines() if line.startswith("FAULT")]
    assert all(any(words in line for line in faults) for words in named), found.stdout
    assert "Put back factory.duckdb" in found.stdout

    run = typed("run", recipe, "-w", workspace.root, "--until", "generate")
    assert run.returncode == 1 and run.stdout == ""
    (error,) = [line for line in run.stderr.splitlines() if line.startswith("error:")]
    assert "factory.duckdb" in error and f"factory doctor -w {workspace.root}" in run.stderr

    # Nothing was touched, and --fix touches nothing either: what is lost cannot be made up.
    fixed = typed("doctor", "-w", workspace.root, "--fix")
    assert fixed.returncode == 1 and "nothing to repair" in fixed.stderr
    assert {
        name: digest for name, digest in digests(workspace.root).items() if name != "factory.lock"
    } == before


def test_a_single_bit_in_any_block_stops_a_run(workspace: Workspace, recipe: Path) -> None:
    flip(workspace.store, 3 * 4096 + (1 << 18) + 100_000)
    run = typed("run", recipe, "-w", workspace.root, "--until", "generate")
    assert run.returncode == 1 and "1 of its blocks" in run.stderr and "factory doctor" in run.stderr
    assert typed("doctor", "-w", workspace.root).returncode == 1


def test_what_is_left_after_a_loss_can_be_gone_on_with_as_the_doctor_says(
    workspace: Workspace, recipe: Path
) -> None:
    wal(workspace).unlink()
    assert "move factory.ledger.jsonl elsewhere" in " ".join(
        typed("doctor", "-w", workspace.root).stdout.split()
    )
    workspace.ledger.path.rename(workspace.root / "aside")
    run = factory("run", recipe, "-w", workspace.root, "--until", "generate")
    assert "has lost" not in run.stderr and "127.0.0.1:9" in run.stderr, (
        "it goes on as far as to the teacher, which is not there"
    )
    assert [entry.batch for entry in workspace.ledger.entries()][:2] == [1, 2]
    assert typed("doctor", "-w", workspace.root).returncode == 0


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Plan, Path]:
    """A workspace with a student that its recipe takes for made."""
    base = tmp_path / "base"
    base.mkdir()
    write_model(base)
    more = "student: {base: ./base, stages: [{sft: {steps: 1}}]}\n"
    recipe = project(tmp_path, "tool_call", "count: 4", more=more)
    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(call))
        check(context, store)
        lineage = Lineage(context.run, store)
        planned = lineage.student
        with publish(context.run.workspace.models / planned.name, planned.about) as folder:
            write_model(folder)
        made = verify(context.run.workspace.models / planned.name)
        lineage.record(planned, made, {"train": lineage.samples.ids})
    assert recipe.exists()
    return context, context.run.workspace.models / planned.name / "model.safetensors"


def write_model(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text('{"added_tokens": ["<|im_start|>", "<|im_end|>"]}')
    write_weights(folder / "model.safetensors")


def test_a_model_with_one_byte_changed_is_named_and_not_used(trained: tuple[Plan, Path]) -> None:
    context, weights = trained
    command = ["run", context.run.loaded.path, "-w", context.run.workspace.root, "--until", "distill"]
    whole = typed(*command)
    assert whole.returncode == 0 and "nothing to do" in whole.stderr, whole.stderr
    assert typed("doctor", "-w", context.run.workspace.root).returncode == 0

    flip(weights, weights.stat().st_size - 1)
    run = typed(*command)
    assert run.returncode == 1 and str(weights) in run.stderr and "factory doctor" in run.stderr
    found = typed("doctor", "-w", context.run.workspace.root)
    assert (
        found.returncode == 1
        and "model.safetensors does not match its digest in manifest.json" in found.stdout
    )
    assert "Put models/" in found.stdout
