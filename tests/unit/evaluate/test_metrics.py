"""The table of metrics, and what one more file and line in it brings."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from factory.evaluate.candidate import Candidate
from factory.evaluate.metrics import accuracy, perplexity, speed
from factory.evaluate.metrics.metric import Evaluation, Measurement
from factory.evaluate.metrics.table import FAMILIES, METRICS
from factory.evaluate.scorer import scorer
from factory.inference.request import TOO_LONG, Request
from factory.tasks.rationale.scorer import RationaleScorer
from factory.tasks.sample import Task
from factory.tasks.tool_call.scorer import CallScorer
from tests.support.recipes import write_model
from tests.support.scripted import Model, load, own_tool

ROOT = Path(__file__).parents[3]
TOY = '''"""The mean length of what a model answers."""

from factory.evaluate.metrics.metric import Family, Measurement, Metric


def measure(evaluation):
    """Return the mean number of characters."""
    lengths = [len(row["output"]) for row in evaluation.predictions]
    return {"text_length": Measurement(sum(lengths) / len(lengths), 3.0, 5.0, len(lengths))}


FAMILY = Family((Metric("text_length", "Length of answers", "characters", "lower"),), measure, local=False)
'''
# A finished run whose teacher answers at length, its base and its student in one character.
RUN = """
import sys
from pathlib import Path

from factory.evaluate.measure import measure
from tests.support.scripted import Model, call
from tests.unit.report import test_build

def evaluate(context, store, candidate, right):
    say = call if candidate.few_shot else lambda _: "5"
    print(measure(context, store, candidate, Model(say), local=False))

test_build.evaluate = evaluate
test_build.built(test_build.finished(Path(sys.argv[1])))
"""


def test_every_metric_that_a_kind_has_is_described_once() -> None:
    names = [metric.name for family in FAMILIES for metric in family.metrics]
    assert len(names) == len(set(names)) == len(METRICS)
    assert {*CallScorer.metrics, *RationaleScorer.metrics} <= set(names)
    assert all(metric.under in ("", *names) for metric in METRICS.values())


def _evaluation(folder: Path, model: Model, references: tuple[str, ...]) -> Evaluation:
    path = own_tool(folder)
    write_model(folder / "base", "base")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    by_bytes = Tokenizer(
        models.BPE(vocab={letter: place for place, letter in enumerate(alphabet)}, merges=[])
    )
    by_bytes.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    by_bytes.save(str(folder / "base" / "tokenizer.json"))
    path.write_text(path.read_text() + "student: {base: base, stages: [{sft: {steps: 1}}]}\n")
    plan = load(folder)
    candidate = Candidate("student", "b2:student", "student", folder, False, "", "")
    tasks = [Task("b2:s", "en", "", "Double 33, please.", reference) for reference in references]
    return Evaluation(plan, scorer(plan), candidate, tasks, model, [])


def test_perplexity_is_by_token_of_the_base_and_a_task_that_is_there_twice_counts_twice(
    tmp_path: Path,
) -> None:
    def say(request: Request) -> dict[str, Any]:
        return {"text": "", "token_logprobs": [-3.0] if '"34"' in request.forced else [-1.0, -2.0]}

    model = Model(say)
    evaluation = _evaluation(tmp_path, model, ("33", "34", "33"))
    measured = perplexity.measure(evaluation)["perplexity"]
    calls = [json.dumps({"name": "twice", "arguments": {"number": number}}) for number in ("33", "34", "33")]
    tokens = len("".join(calls))  # one a byte
    assert measured == Measurement(pytest.approx(math.exp(9.0 / tokens)), None, None, 3)
    assert len(model.keys) == len(set(model.keys)) == 2
    silent = _evaluation(tmp_path, Model(lambda _: {"text": "", "error": TOO_LONG}), ("33",))
    assert perplexity.measure(silent) == {}


def test_speed_counts_what_is_repeated_and_is_absent_where_nothing_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "SECONDS", math.inf)
    measured = speed.measure(_evaluation(tmp_path, Model(lambda _: "five"), ("33",)))
    counts = {name: one.n for name, one in measured.items()}
    assert counts == {
        "tokens_per_s_batch_1": 21,
        "latency_p50_s": 21,
        "latency_p95_s": 21,
        "tokens_per_s_batch_32": 3,
    }
    assert all(one.value > 0 for one in measured.values())
    silent = Model(lambda _: {"text": "", "error": TOO_LONG, "completion_tokens": 0})
    assert speed.measure(_evaluation(tmp_path, silent, ("33",))) == {}


def test_no_answer_makes_no_share_of_certainty(tmp_path: Path) -> None:
    shares = accuracy.measure(_evaluation(tmp_path, Model(lambda _: ""), ("33",)))
    assert {(one.low, one.high, one.n) for one in shares.values()} == {(0.0, 1.0, 0)}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the factory with a toy metric: one file and one line."""
    folder = tmp_path_factory.mktemp("scratch")
    shutil.copytree(ROOT / "factory", folder / "factory", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tests", "prompts", "schemas", "data", "pipelines"):
        (folder / name).symlink_to(ROOT / name)
    metrics = folder / "factory" / "evaluate" / "metrics"
    (metrics / "text_length.py").write_text(TOY)
    table = metrics / "table.py"
    text = table.read_text()
    assert text.count('    "accuracy",\n') == 1
    table.write_text(text.replace('    "accuracy",\n', '    "accuracy",\n    "text_length",\n'))
    return folder


def _python(scratch: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(scratch), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=scratch, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_toy_metric_is_measured_reported_and_ranked(scratch: Path) -> None:
    printed = _python(scratch, "-c", RUN, str(scratch / "run"))
    assert "text_length 1.00 characters" in printed
    reports = scratch / "run" / "work" / "reports"
    (row,) = [
        row
        for model in json.loads((reports / "report.json").read_text())["models"]
        for row in model["metrics"]
        if (model["role"], row["name"]) == ("student", "text_length")
    ]
    assert {row[name] for name in ("label", "unit", "better")} == {"Length of answers", "characters", "lower"}
    assert (row["value"], row["low"], row["high"], row["n"]) == (1.0, 3.0, 5.0, 8)
    page = (reports / "report.html").read_text().replace("\xa0", " ")
    assert "Length of answers</th>" in page and "1.00 characters" in page and "3.00–5.00 characters" in page
    board = _python(
        scratch,
        "-m",
        "factory.cli.main",
        "audit",
        "leaderboard",
        "-w",
        str(scratch / "run" / "work"),
        "--format",
        "json",
    )
    ranked = [row for row in json.loads(board) if row["metric"] == "text_length"]
    assert [row["role"] for row in ranked][-1] == "teacher", "the shortest answers come first"
    assert len(ranked) == 3 and ranked[0]["unit"] == "characters"
