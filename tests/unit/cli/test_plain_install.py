"""What a plain install promises: with the declared dependencies alone every verb that runs no model works on
an existing workspace, and a verb that needs more says which extra brings it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factory.generate.check import check
from factory.generate.stage import generate
from tests.support.command import ENVIRONMENT, ROOT
from tests.support.scripted import Model, call, checks, load, opened, project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with samples that were accepted, beside its recipe."""
    folder = tmp_path_factory.mktemp("plain install")
    project(folder, "tool_call", "count: 6", "examples: 2", more=checks("tool_call"))
    context = load(folder)
    with opened(context) as store:
        generate(context, store, Model(call))
        check(context, store)
    return folder


Plain = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def plain(made: Path) -> Iterator[Plain]:
    """The command line as a plain install has it, beside the recipe."""
    program = [sys.executable, "-m", "tests.support.plain_install"]
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        program, cwd=made, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        to, back = process.stdin, process.stdout

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            to.write(f"{json.dumps(arguments)}\n")
            to.flush()
            return subprocess.CompletedProcess(arguments, *json.loads(back.readline()))

        yield run


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["validate", "recipe.yaml"], ""),
        (["check", "recipe.yaml", "-w", "work"], ""),
        (["audit", "-w", "work"], "accepted"),
        (["audit", "SELECT count(*) AS n FROM training_set", "-w", "work", "--format", "csv"], "n\n6\n"),
        (["report", "recipe.yaml", "-w", "work"], "report"),
        (["export", "-w", "work", "--format", "jsonl", "-o", "out.jsonl"], "out.jsonl"),
        (["doctor", "-w", "work"], ""),
        (["review", "--help"], ""),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_verb_that_runs_no_model_needs_no_extra(plain: Plain, arguments: list[str], shown: str) -> None:
    done = plain(*arguments)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


def test_a_report_without_pictures_says_what_brings_them(made: Path, plain: Plain) -> None:
    done = plain("report", "recipe.yaml", "-w", "work")
    assert done.returncode == 0, done.stderr
    assert "pip install 'distill-factory[pictures]'" in done.stderr
    (page,) = (made / "work" / "reports").rglob("*.html")
    assert "<svg" not in page.read_text(encoding="utf-8")


def test_a_verb_that_needs_an_extra_says_which(plain: Plain) -> None:
    done = plain("search", "recipe.yaml", "-w", "work")
    assert done.returncode == 1
    assert done.stderr == (
        "error: factory search needs the package optuna, which a plain install does not have\n"
        "  pip install 'distill-factory[search]'\n"
    )


def test_statements_from_a_pipe_need_no_extra(plain: Plain) -> None:
    assert plain("audit", "-i", "-w", "work").returncode == 0
