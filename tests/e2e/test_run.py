"""The whole way once, with the real vLLM, TRL and llm-compressor on the embedded model, then looked at from
every side."""

import json
import re
from pathlib import Path

import pytest

from factory.models.artifact import verify
from factory.store.reader import ask
from factory.tools.registry import run_tool
from tests.support.small_run import Finished, factory, write_recipe

pytestmark = pytest.mark.model


def _rows(finished: Finished, sql: str) -> list[dict]:
    answer = ask(finished.workspace / "factory.duckdb", sql)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def test_the_report_names_every_model_with_its_figures(finished: Finished) -> None:
    report = json.loads((finished.workspace / "reports" / "report.json").read_text())
    assert [model["role"] for model in report["models"]] == [
        "teacher",
        "base",
        "student",
        "student_quantized",
    ]
    for model in report["models"]:
        assert model["accuracy_low"] <= model["accuracy"] <= model["accuracy_high"]
        assert model["tokens_per_s"] > 0 and model["peak_memory_bytes"] > model["weight_bytes"] > 0
    repeated = _rows(
        finished,
        "SELECT DISTINCT metric, n FROM evaluations WHERE metric IN ('latency_p50_s', 'tokens_per_s_batch_32')",
    )
    # A slow machine measures less often, but once.
    assert all(1 <= row["n"] <= (7 if row["metric"] == "latency_p50_s" else 1) for row in repeated)
    assert len({row["metric"] for row in repeated}) == 2
    formats = _rows(finished, "SELECT DISTINCT value FROM evaluations WHERE metric = 'computed_bits'")
    assert {row["value"] for row in formats} in ({16.0}, {32.0}), "every model ran in the fast format"
    quantized, student = report["models"][3], report["models"][2]
    assert quantized["weight_bytes"] < 0.7 * student["weight_bytes"]
    assert report["yield"]["asked"] == report["yield"]["answered"] > 48
    assert (
        report["yield"]["accepted"] >= _rows(finished, "SELECT count(*) AS n FROM training_set")[0]["n"] == 48
    )
    assert {loss["name"] for loss in report["losses"]} == {"loss", "cross entropy", "divergence", "tokens/s"}
    page = (finished.workspace / "reports" / "report.html").read_text()
    assert "https://" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page).replace("http://www.w3.org", "")
    assert finished.printed.strip().endswith("report.html")


def test_the_student_was_trained_on_what_the_training_set_says(finished: Finished) -> None:
    assert _rows(
        finished,
        "SELECT count(*) AS n FROM training_set t FULL JOIN (SELECT sample_id FROM artifact_samples JOIN artifacts USING (artifact_id) "
        "WHERE kind = 'merged' AND role = 'train') l USING (sample_id) WHERE t.sample_id IS NULL OR l.sample_id IS NULL",
    ) == [{"n": 0}]


def test_every_training_row_shows_its_pedigree(finished: Finished) -> None:
    rows = _rows(finished, "SELECT * FROM training_set")
    for row in rows:
        assert (
            row["seed"].startswith("calc-")
            and row["template_digest"].startswith("b2:")
            and row["request_key"].startswith("b2:")
        )
        assert row["teacher"] == "smollm2-135m-instruct" and row["teacher_revision"].startswith(
            "gguf-sha256:"
        )
        assert {verdict["check"] for verdict in row["verdicts"]} == {
            "schema",
            "execution",
            "finish_reason",
            "dedup",
            "decontamination",
        }
        assert row["topk_tuples"] == row["completion_tokens"]
        assert row["result"] == run_tool("calculator", {"expression": row["reference"]})


def test_stored_logprobs_are_the_raw_distribution(finished: Finished) -> None:
    rows = _rows(finished, "SELECT token_ids, token_logprobs, topk_ids, topk_logprobs FROM generations")
    for row in rows:
        for drawn, drawn_logprob, ids, logprobs in zip(
            row["token_ids"], row["token_logprobs"], row["topk_ids"], row["topk_logprobs"], strict=True
        ):
            assert len(ids) == len(set(ids)) == len(logprobs) == 20
            # A grammar's mask would leave minus infinities behind.
            assert all(isinstance(logprob, float) and -60 < logprob <= 0 for logprob in logprobs)
            assert logprobs == sorted(logprobs, reverse=True)
            if drawn in ids:
                assert abs(logprobs[ids.index(drawn)] - drawn_logprob) < 1e-4


def test_doctor_agrees_with_the_ledger(finished: Finished) -> None:
    done = factory("doctor", "-w", finished.workspace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAULT" not in done.stdout and "as the ledger has them" in done.stdout


def test_a_second_run_has_nothing_to_do_and_touches_nothing(finished: Finished) -> None:
    before = {
        path: path.stat().st_mtime_ns
        for path in finished.workspace.rglob("*")
        if path.is_file() and path.name != "factory.lock"
    }
    done = factory("run", finished.recipe, "-w", finished.workspace)
    assert done.returncode == 0 and "nothing to do" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_an_edited_gate_alone_is_decided_anew_and_reported(own_run: Finished, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(own_run.recipe.read_text().replace("compress: {", "compress: {most_lost: 1.0, "))
    done = factory("run", recipe, "-w", own_run.workspace)
    assert done.returncode == 0, done.stderr
    assert "it may ship" in done.stderr and "evaluate" not in done.stderr
    (gate,) = json.loads((own_run.workspace / "reports" / "report.json").read_text())["gates"]
    assert (gate["most_lost"], gate["passed"]) == (1.0, True)
    assert "nothing to do" in factory("run", recipe, "-w", own_run.workspace).stderr


def test_models_are_whole_and_know_their_parents(finished: Finished) -> None:
    rows = _rows(
        finished, "SELECT artifact_id, kind, path, digest, parents FROM artifacts WHERE kind <> 'model'"
    )
    assert sorted(row["kind"] for row in rows) == ["adapter", "adapter", "merged", "quantized"]
    for row in rows:
        assert verify(finished.workspace / row["path"]).digest == row["digest"]
    (quantized,) = [row for row in rows if row["kind"] == "quantized"]
    (merged,) = [row for row in rows if row["kind"] == "merged"]
    assert quantized["parents"] == [merged["artifact_id"]]


def test_a_changed_byte_of_a_model_is_named_and_not_used(finished: Finished) -> None:
    (row,) = _rows(finished, "SELECT path FROM artifacts WHERE kind = 'quantized'")
    weights = next((finished.workspace / row["path"]).glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    original = weights.read_bytes()
    weights.write_bytes(content)
    try:
        done = factory("doctor", "-w", finished.workspace)
        assert done.returncode == 1 and weights.name in done.stdout
        done = factory("run", finished.recipe, "-w", finished.workspace)
        assert done.returncode == 1 and weights.name in done.stderr and "factory doctor" in done.stderr
    finally:
        weights.write_bytes(original)


def test_another_checks_setting_needs_no_teacher(own_run: Finished, tmp_path: Path) -> None:
    text = own_run.recipe.read_text().replace(
        "checks: [schema, execution, finish_reason, dedup, decontamination]",
        "checks: [schema, execution, finish_reason]",
    )
    other = tmp_path / "fewer checks.yaml"
    other.write_text(text)
    done = factory("run", other, "-w", own_run.workspace, "--until", "check")
    assert done.returncode == 0 and "nothing to ask" in done.stderr, done.stderr
    assert factory("run", own_run.recipe, "-w", own_run.workspace, "--until", "check").returncode == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "./no-such-model"}, "no-such-model"),
        ({"base": "./empty"}, "empty"),
        ({"model": "./without-weights"}, "weights"),
    ],
)
def test_wrong_models_are_told_before_any_model_loads(tmp_path, changes: dict[str, str], said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "without-weights").mkdir()
    (tmp_path / "without-weights" / "config.json").write_text("{}")
    done = factory("run", write_recipe(tmp_path, **changes), "-w", tmp_path / "w")
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "w").exists()


def test_too_little_memory_is_told_before_any_model_loads(tmp_path) -> None:
    recipe = write_recipe(tmp_path)
    recipe.write_text(recipe.read_text() + "\nlimits: {memory_gb: 0.5}\n")
    done = factory("run", recipe, "-w", tmp_path / "w")
    assert done.returncode == 1 and "memory_gb" in done.stderr and not (tmp_path / "w").exists()
