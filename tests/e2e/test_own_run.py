"""Edits of a finished run: other checks, another gate, another adapter, a search, a damaged model. One after
the other on one copy, so that they share its data and what was trained."""

import dataclasses
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openai import OpenAI

from factory.context.run import Run
from factory.errors import FactoryError
from factory.recipe.load import load_recipe
from factory.store.store import Store
from factory.student.train import train
from factory.system.progress import Progress
from factory.workspace import Workspace
from tests.support.small_run import COMMAND, ROOT, Finished, factory


def edited(run: Finished, name: str, old: str, new: str) -> Path:
    """Write a recipe beside that of a run, in which one place is another."""
    text = run.recipe.read_text(encoding="utf-8")
    assert text.count(old) == 1, text
    path = run.recipe.with_name(name)
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def report(run: Finished) -> dict:
    return json.loads((run.workspace / "reports" / "report.json").read_text(encoding="utf-8"))


def test_data_of_another_teacher_is_refused(own_run: Finished) -> None:
    run = Run(load_recipe(own_run.recipe), Workspace(own_run.workspace), Progress())
    vars(run)["teacher"] = dataclasses.replace(run.teacher, revision="another")
    with Store(run.workspace.store, run.workspace.ledger) as store:
        (made,) = store.query("SELECT count(*) AS n FROM artifacts")
        with pytest.raises(
            FactoryError,
            match=r"the teacher is .* at another, and the data holds samples of another one: \d+ of",
        ):
            train(run, store)
        assert store.query("SELECT count(*) AS n FROM artifacts") == [made]


def test_another_checks_setting_needs_no_teacher(own_run: Finished) -> None:
    fewer = edited(own_run, "fewer checks.yaml", ", dedup, decontamination]", "]")
    done = factory("run", fewer, "-w", own_run.workspace, "--until", "check")
    assert done.returncode == 0 and "nothing to ask" in done.stderr, done.stderr
    assert factory("run", own_run.recipe, "-w", own_run.workspace, "--until", "check").returncode == 0


def test_an_edited_gate_alone_is_decided_anew_and_reported(own_run: Finished) -> None:
    recipe = edited(own_run, "gate.yaml", "compress: {", "compress: {max_accuracy_drop: 1.0, ")
    done = factory("run", recipe, "-w", own_run.workspace)
    assert done.returncode == 0, done.stderr
    assert "it passes the accuracy gate" in done.stderr and "evaluate" not in done.stderr
    assert done.stdout.strip() == str(own_run.workspace / "reports" / "report.html")
    (gate,) = report(own_run)["gates"]
    assert (gate["max_accuracy_drop"], gate["passed"]) == (1.0, True)
    assert "nothing to do" in factory("run", recipe, "-w", own_run.workspace).stderr


@pytest.fixture(scope="module")
def short(own_run: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The same workspace with a recipe whose training and evaluation take little."""
    return Finished(own_run.short(tmp_path_factory.mktemp("short")), own_run.workspace)


def test_a_prompt_tuned_and_a_lora_student_of_one_base_are_evaluated_and_served(short: Finished) -> None:
    (before,) = short.rows("SELECT name FROM artifacts WHERE kind = 'merged'")
    adapter = "kind: prompt_tuning, tokens: 8, init: 'Answer with a call of the calculator.', name: soft"
    recipe = edited(short, "soft.yaml", "kind: lora, rank: 16", adapter)
    recipe.write_text(
        recipe.read_text(encoding="utf-8").replace("compress:", "# compress:"), encoding="utf-8"
    )
    done = factory("run", recipe, "-w", short.workspace)
    assert done.returncode == 0, done.stderr
    soft = next(model for model in report(short)["models"] if model["role"] == "student")
    assert soft["name"].startswith("student-soft-") and soft["metrics"][0]["name"] == "answer_accuracy"
    measured = short.rows(
        "SELECT DISTINCT a.name FROM evaluations JOIN artifacts a USING (artifact_id) WHERE role = 'student'"
    )
    assert {row["name"] for row in measured} == {before["name"], soft["name"]}
    for name in (before["name"], soft["name"]):
        with served(short.workspace, name) as client:
            assert [model.id for model in client.models.list()] == [name]
            asked = [{"role": "user", "content": "What is 12 times 7?"}]
            said = client.chat.completions.create(model=name, messages=asked, temperature=0, max_tokens=32)  # type: ignore[arg-type]
            assert said.usage is not None and said.usage.completion_tokens > 0
            # Its virtual tokens stand before the conversation.
            assert (said.usage.prompt_tokens > 20) == (name == soft["name"]), said.usage
            assert "soft" not in (said.choices[0].message.content or "")


@contextmanager
def served(workspace: Path, name: str) -> Iterator[OpenAI]:
    command = ["serve", "-w", str(workspace), "--artifact", name, "--port", "0", "--kv-cache-gb", "0.2"]
    process = subprocess.Popen([*COMMAND, *command], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), "the server did not start"
        yield OpenAI(base_url=url, api_key="none")
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_trials_are_kept_drawn_and_reproduced(short: Finished) -> None:
    recipe = short.recipe.with_name("search.yaml")
    wanted = "search: {trials: 2, quantize: [none, w8a8-dynamic], mlp: [0, 0.25], max_bytes: 250000000}\n"
    recipe.write_text(short.recipe.read_text(encoding="utf-8") + wanted, encoding="utf-8")
    done = factory("search", recipe, "-w", short.workspace)
    assert done.returncode == 0, done.stderr
    rows = short.rows("SELECT number, choice, artifact_id, failure FROM trials ORDER BY number")
    assert [(row["number"], row["failure"]) for row in rows] == [(1, None), (2, None)]
    assert len({row["choice"] for row in rows}) == len({row["artifact_id"] for row in rows}) == 2
    trials = report(short)["trials"]
    assert [trial["number"] for trial in trials] == [1, 2]
    assert {trial["fits"] for trial in trials} == {trial["weight_bytes"] <= 250_000_000 for trial in trials}
    page = (short.workspace / "reports" / "report.html").read_text(encoding="utf-8")
    assert "Accuracy against bytes" in page and "Accuracy against latency" in page

    again = factory("search", recipe, "-w", short.workspace)
    assert again.returncode == 0 and "nothing to do: every trial" in again.stderr
    one = short.workspace / trials[1]["recipe"]
    same = factory("run", one, "-w", short.workspace, "--until", "evaluate")
    assert same.returncode == 0 and "nothing to do" in same.stderr


def test_a_changed_byte_of_a_model_is_named_and_not_used(own_run: Finished) -> None:
    (row,) = own_run.rows("SELECT path FROM artifacts WHERE kind = 'quantized' ORDER BY batch LIMIT 1")
    weights = next((own_run.workspace / row["path"]).glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    # Another file: the one that was there is also the finished run's.
    weights.unlink()
    weights.write_bytes(content)
    done = factory("doctor", "-w", own_run.workspace)
    assert done.returncode == 1 and weights.name in done.stdout
    done = factory("run", own_run.recipe, "-w", own_run.workspace)
    assert done.returncode == 1 and weights.name in done.stderr and "factory doctor" in done.stderr
