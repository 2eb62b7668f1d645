"""What a person types and what comes back: results on standard output, one sentence on standard error, and
the exit code."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import tomllib
from pathlib import Path

import pyarrow.parquet
import pytest

from factory.models.artifact import publish, verify
from factory.recipe.schema import recipe_json_schema
from factory.text.visible import escape_hidden
from factory.workspace import Workspace
from tests.support.command import COMMAND, ENVIRONMENT, ROOT, factory, on_a_terminal, typed
from tests.support.sample_rows import EVIL, finished, make_workspace, open_store

VERBS = [
    "init",
    "validate",
    "run",
    "generate",
    "check",
    "distill",
    "compress",
    "evaluate",
    "report",
    "audit",
    "doctor",
]
SLOW = "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) SELECT count(*) FROM t"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("work space"))


def audit(workspace: Workspace, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return typed("audit", "-w", workspace.root, *arguments)


def test_help_names_every_verb() -> None:
    done = factory("--help")
    assert done.returncode == 0
    assert all(f" {verb} " in done.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    done = typed(verb, "--help")
    assert done.returncode == 0
    assert f"{verb} [OPTIONS]" in done.stdout
    assert ("--workspace" in done.stdout) == (verb not in ("init", "validate"))


def test_the_version_is_told() -> None:
    assert factory("--version").stdout.strip().count(".") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("audit",),
        ("audit", "-w", "{there}", "--format", "xml"),
        ("audit", "-w", "{there}", "--limit", "0"),
        ("audit", "-w", "{there}", "--seconds", "nan"),
        ("audit", "-w", "{there}", "no_such_view"),
        ("audit", "-w", "{there}", "DROP TABLE samples"),
        ("audit", "-w", "{there}", "-i", "samples"),
        ("audit", "-w", "{there}", "-i", "-o", "out"),
        ("audit", "-w", "{there}", "-i", "--format", "parquet"),
        ("audit", "-w", "{there}", "-o", "/no/such/folder/out.csv"),
        ("audit", "-w", "{there}", "--format", "parquet", "-o", "/no/such/folder/out.parquet"),
        ("audit", "-w", "/no/such/workspace"),
        ("doctor", "-w", "/no/such/workspace"),
        ("validate", "/no/such/recipe.yaml"),
        ("run", "/no/such/recipe.yaml", "-w", "{there}"),
        ("run", "pipelines/calculator.yaml", "-w", "{there}", "--until", "never"),
        ("run", "pipelines/calculator.yaml", "-w", "{there}", "--until", "check", "--dry-run"),
        ("init", "/sys/kernel/new"),
        ("init", "{there}", "--recipe", "nonsense"),
    ],
    ids=" ".join,
)
def test_what_is_typed_wrong_ends_with_2_and_a_sentence(
    workspace: Workspace, arguments: tuple[str, ...]
) -> None:
    done = typed(*(argument.replace("{there}", str(workspace.root)) for argument in arguments))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip()


def test_the_shell_gets_the_exit_code_and_no_traceback() -> None:
    done = factory("validate", "/no/such/recipe.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: /no/such/recipe.yaml")


def test_audit_without_a_question_lists_the_views(workspace: Workspace) -> None:
    done = audit(workspace)
    assert done.returncode == 0
    assert "training_set" in done.stdout
    assert "What a student learns from" in done.stdout


def test_audit_gives_one_json_array_of_rows(workspace: Workspace) -> None:
    done = audit(
        workspace, "SELECT question, call, draw FROM current_samples ORDER BY position", "--format", "json"
    )
    rows = json.loads(done.stdout)
    assert [row["question"] for row in rows] == [row["question"] for row in finished()["samples"]]
    assert list(rows[0]) == ["question", "call", "draw"]
    assert json.loads(audit(workspace, "SELECT 1 AS a WHERE false", "--format", "json").stdout) == []


def test_audit_says_when_rows_were_left_off(workspace: Workspace) -> None:
    done = audit(workspace, "samples", "--limit", "2", "--format", "json")
    assert len(json.loads(done.stdout)) == 2
    assert "only the first 2 rows" in done.stderr
    assert audit(workspace, "samples", "--limit", "3", "--format", "json").stderr == ""


def test_audit_guards_spreadsheets_against_formulas(workspace: Workspace) -> None:
    starts = "=+-@\t\r"
    values = ", ".join(f"(chr({ord(start)}) || 'SUM(A1)', -5, 'plain')" for start in starts)
    done = audit(workspace, f"SELECT * FROM (VALUES {values}) t(a, b, c)", "--format", "csv")
    header, *rows = csv.reader(io.StringIO(done.stdout, newline=""))
    assert header == ["a", "b", "c"]
    assert rows == [[f"'{start}SUM(A1)", "-5", "plain"] for start in starts]


def test_audit_writes_parquet_that_can_be_read(workspace: Workspace, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    sql = (
        "SELECT position, question, 'nan'::DOUBLE AS odd, parents, NULL AS none FROM current_samples "
        "ORDER BY position"
    )
    assert audit(workspace, sql, "--format", "parquet", "-o", output).returncode == 0
    table = pyarrow.parquet.read_table(output).to_pydict()
    assert table["position"] == [0, 1, 2]
    assert table["question"][2] == EVIL
    assert table["parents"] == [["b2:seed"]] * 3


def test_audit_writes_a_file_instead_of_standard_output(workspace: Workspace, tmp_path: Path) -> None:
    done = audit(workspace, "SELECT 1 AS a", "--format", "csv", "-o", tmp_path / "out.csv")
    assert done.stdout == ""
    assert (tmp_path / "out.csv").read_text() == "a\n1\n"


def test_audit_writes_over_no_file_of_the_workspace(workspace: Workspace) -> None:
    before = workspace.store.read_bytes()
    done = typed("audit", "seeds", "-w", workspace.root, "--format", "csv", "-o", workspace.store)
    assert done.returncode == 2 and "is a file of the workspace itself" in done.stderr
    assert workspace.store.read_bytes() == before


def test_audit_shows_hostile_text_as_text(workspace: Workspace) -> None:
    done = audit(workspace, "SELECT question FROM rejected")
    assert "\x1b" not in done.stdout
    assert "[/nope][bold]" in done.stdout
    assert escape_hidden(EVIL) in done.stdout


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_nothing_in_a_sample_drives_a_terminal(workspace: Workspace, form: str) -> None:
    shown = on_a_terminal(
        "audit", "-w", workspace.root, 'SELECT question, 1 AS "\x1b[2J" FROM rejected', "--format", form
    )
    assert "[/nope]" in shown
    assert not {"\x1b", "\x07", "\u202e", "\0"} & set(shown)


def test_audit_stops_at_its_time(workspace: Workspace) -> None:
    done = audit(workspace, SLOW, "--seconds", "0.5")
    assert done.returncode == 1
    assert "stopped" in done.stderr


def test_audit_answers_while_a_run_writes_and_says_of_when(tmp_path: Path) -> None:
    busy = make_workspace(tmp_path)
    with open_store(busy):
        done = audit(busy, "SELECT count(*) AS n FROM samples", "--format", "json")
    assert json.loads(done.stdout) == [{"n": 3}]
    assert re.search(r"a run is writing: .* as it was at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d UTC", done.stderr)
    assert audit(busy, "samples").stderr == ""


def test_audit_reads_statements_from_a_pipe_to_its_end(workspace: Workspace) -> None:
    command = [*COMMAND, "audit", "-w", str(workspace.root), "-i", "--format", "csv"]
    options = {"cwd": ROOT, "env": ENVIRONMENT, "capture_output": True, "text": True, "check": False}
    done = subprocess.run(command, input="SELECT ';' AS a\n; SELECT 2\nAS b", **options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\n;\nb\n2\n", "")
    assert subprocess.run(command, stdin=subprocess.DEVNULL, **options).returncode == 0
    wrong = subprocess.run(command, input="DROP TABLE samples; SELECT 3;", **options)
    assert (wrong.returncode, wrong.stdout) == (2, "") and "DROP" in wrong.stderr


def test_audit_pipes_parquet_and_keeps_a_terminal_from_it(workspace: Workspace) -> None:
    command = [*COMMAND, "audit", "-w", str(workspace.root), "SELECT 7 AS a", "--format", "parquet"]
    piped = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, check=True).stdout
    assert pyarrow.parquet.read_table(io.BytesIO(piped)).to_pylist() == [{"a": 7}]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_the_overview_is_rows_too(workspace: Workspace, form: str) -> None:
    done = audit(workspace, "--format", form)
    rows = json.loads(done.stdout) if form == "json" else list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["section"] for row in rows} == {"store", "plan", "yield", "reasons", "oddities", "views"}
    assert all(
        audit(workspace, row["statement"], "--format", "json").returncode == 0
        for row in rows
        if row["section"] == "oddities"
    )


def test_a_reader_that_leaves_early_is_no_fault(workspace: Workspace) -> None:
    command = [*COMMAND, "audit", "-w", str(workspace.root), "SELECT * FROM range(100000)", "--format", "csv"]
    with subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def _listen() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interruption_ends_with_130(workspace: Workspace, tmp_path: Path) -> None:
    # More than a pipe holds: once it is opened here, the command is at work until somebody reads on, and
    # nobody does.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [
        *COMMAND,
        "audit",
        "-w",
        str(workspace.root),
        "SELECT * FROM range(100000)",
        "--format",
        "csv",
        "-o",
        str(pipe),
    ]
    # A shell starts what runs in the background with SIGINT ignored, and children inherit that: the test
    # would wait for ever.
    options = {
        "cwd": ROOT,
        "env": ENVIRONMENT,
        "stderr": subprocess.PIPE,
        "text": True,
        "preexec_fn": _listen,
    }
    with subprocess.Popen(command, **options) as process, pipe.open("rb"):
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_doctor_finds_a_whole_workspace_whole(tmp_path: Path) -> None:
    workspace, _ = with_a_model(tmp_path)
    done = typed("doctor", "-w", workspace.root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAULT" not in done.stdout
    assert "2 batches" in done.stdout
    assert "student-1: 1 files" in done.stdout


def test_doctor_ends_with_1_and_names_what_is_damaged(tmp_path: Path) -> None:
    workspace, model = with_a_model(tmp_path)
    (model / "model.safetensors").write_bytes(bytes(7) + b"\1")
    with (model.parent / "stray").open("w"):
        pass
    done = typed("doctor", "-w", workspace.root)
    assert done.returncode == 1
    assert "FAULT student-1 (merged):" in done.stdout
    assert "1 fault(s) found" in done.stderr
    assert "not in the store" in done.stdout


def test_doctor_ends_with_1_if_the_store_cannot_be_opened(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    workspace.store.write_bytes(b"")
    done = typed("doctor", "-w", workspace.root)
    assert done.returncode == 1
    assert "factory.duckdb cannot be opened: it is empty: 0 bytes" in done.stdout
    assert "cores" in done.stdout, "what was found before is shown"


def with_a_model(root: Path) -> tuple[Workspace, Path]:
    """Make a workspace with a published and recorded model."""
    workspace = make_workspace(root)
    model = workspace.models / "student-1"
    with publish(model, {}) as staging:
        (staging / "model.safetensors").write_bytes(bytes(8))
    row = {
        "artifact_id": "b2:s",
        "kind": "merged",
        "name": "student-1",
        "path": "models/student-1",
        "digest": verify(model).digest,
    }
    with open_store(workspace) as store:
        store.commit(artifacts=[row | {"weight_bytes": 8, "parents": [], "about": {}}])
    return workspace, model


def test_init_makes_a_recipe_that_is_valid(tmp_path: Path) -> None:
    folder = tmp_path / "mein projekt"
    made = typed("init", folder)
    assert made.returncode == 0
    assert made.stdout == f"{folder / 'recipe.yaml'}\n"
    valid = typed("validate", made.stdout.strip())
    assert valid.returncode == 0
    assert "ok" in valid.stdout.splitlines()[0]


@pytest.mark.parametrize("name", ["recipe.yaml", "data/seeds/calculator.jsonl"])
def test_init_overwrites_nothing(tmp_path: Path, name: str) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    done = typed("init", tmp_path)
    assert done.returncode == 2
    assert f"{mine} exists already" in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == "mine"


@pytest.mark.parametrize(
    "beginning", [["--recipe", "labels"], ["--recipe", "assistant"], ["--tools"], ["--from"]], ids=" ".join
)
def test_init_brings_the_schema_that_the_recipe_names(tmp_path: Path, beginning: list[str]) -> None:
    """Nothing of a checkout is needed: neither by an editor nor to type what the recipe says of itself."""
    chat = {"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hi."}]}
    (tmp_path / "chats.jsonl").write_text(json.dumps(chat))
    given = {"--tools": [ROOT / "data" / "tools" / "tools.json"], "--from": [tmp_path / "chats.jsonl"]}
    made = typed("init", tmp_path / "mine", *beginning, *given.get(beginning[0], []))
    assert made.returncode == 0, made.stderr
    text = (tmp_path / "mine" / "recipe.yaml").read_text(encoding="utf-8")
    (named,) = re.findall(r"^# yaml-language-server: \$schema=(.*)$", text, re.MULTILINE)
    assert (tmp_path / "mine" / named).read_text(encoding="utf-8") == recipe_json_schema()
    comments = "".join(line for line in text.splitlines() if line.startswith("#"))
    assert "factory run recipe.yaml -w ." in comments
    assert "pipelines/" not in comments and "runs/" not in comments


def test_the_schema_is_in_what_is_installed() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "schemas" in build["only-include"] and build["sources"]["schemas"] == "factory/schemas"
