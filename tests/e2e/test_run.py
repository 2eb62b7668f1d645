"""The whole way once, with the real vLLM, TRL and llm-compressor on the embedded model, then looked at from
every side."""

import json
import re

from factory.evaluate.metrics.speed import ALONE
from factory.evaluate.metrics.table import METRICS
from factory.models.artifact import verify
from factory.recipe.load import load_recipe
from factory.tools.registry import run_tool
from tests.support.small_run import Finished, factory


def test_the_report_names_every_model_with_its_figures(finished: Finished) -> None:
    report = json.loads((finished.workspace / "reports" / "report.json").read_text())
    assert [model["role"] for model in report["models"]] == [
        "teacher",
        "base",
        "student",
        "student_quantized",
    ]
    found = [{row["name"]: row for row in model["metrics"]} for model in report["models"]]
    for rows in found:
        assert set(rows) <= set(METRICS)
        accuracy = rows["answer_accuracy"]
        assert accuracy["low"] <= accuracy["value"] <= accuracy["high"] and accuracy["low"] < accuracy["high"]
        assert rows["tokens_per_s_batch_32"]["value"] > 0
        assert rows["peak_memory_bytes"]["value"] > rows["weight_bytes"]["value"] > 0
    assert found[3]["weight_bytes"]["value"] < 0.7 * found[2]["weight_bytes"]["value"]
    assert report["yield"]["asked"] == report["yield"]["answered"] > finished.asked["data"]["count"]
    (trained,) = finished.rows("SELECT count(*) AS n FROM training_set")
    assert report["yield"]["accepted"] >= trained["n"] == finished.asked["data"]["count"]
    held_out = {f"held-out {name}" for name in ("exact", "loss", "KL", "top-1")}
    drawn = {"loss", "cross entropy", "divergence", "tokens/s"}
    assert {loss["name"] for loss in report["losses"]} - held_out == drawn
    page = (finished.workspace / "reports" / "report.html").read_text()
    assert "https://" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page).replace("http://www.w3.org", "")


def test_the_speed_is_measured_as_often_as_the_recipe_says_where_there_is_time(finished: Finished) -> None:
    evaluate = load_recipe(finished.recipe).recipe.evaluate
    assert evaluate is not None
    repeated = finished.rows(
        "SELECT metric, n FROM evaluations WHERE metric IN ('latency_p50_s', 'tokens_per_s_batch_32')"
    )
    # Rounds are bounded in seconds as well: a slow machine has fewer.
    most = {"latency_p50_s": ALONE * evaluate.repeats, "tokens_per_s_batch_32": evaluate.repeats}
    assert len(repeated) == 2 * 4
    assert all(1 <= row["n"] <= most[row["metric"]] for row in repeated)


def test_the_student_was_trained_on_what_the_training_set_says(finished: Finished) -> None:
    assert finished.rows(
        "SELECT count(*) AS n FROM training_set t FULL JOIN ("
        "  SELECT sample_id FROM artifact_samples JOIN artifacts USING (artifact_id) "
        "  WHERE (kind, role) IN (('merged', 'train'), ('adapter', 'validation')) GROUP BY ALL"
        ") l USING (sample_id) WHERE t.sample_id IS NULL OR l.sample_id IS NULL"
    ) == [{"n": 0}]


def test_every_training_row_shows_its_pedigree(finished: Finished) -> None:
    for row in finished.rows("SELECT * FROM training_set"):
        assert row["seed"].startswith("calc-")
        assert row["template_digest"].startswith("b2:") and row["request_key"].startswith("b2:")
        assert row["teacher"] == finished.asked["teacher"]["model"]
        assert row["teacher_revision"].startswith("gguf-sha256:")
        assert {verdict["check"] for verdict in row["verdicts"]} == set(finished.asked["checks"])
        assert row["topk_tuples"] == row["completion_tokens"]
        assert row["result"] == run_tool("calculator", {"expression": row["reference"]})


def test_stored_logprobs_are_the_raw_distribution(finished: Finished) -> None:
    rows = finished.rows("SELECT token_ids, token_logprobs, topk_ids, topk_logprobs FROM generations")
    for row in rows:
        for drawn, drawn_logprob, ids, logprobs in zip(
            row["token_ids"], row["token_logprobs"], row["topk_ids"], row["topk_logprobs"], strict=True
        ):
            assert len(ids) == len(set(ids)) == len(logprobs) == finished.asked["teacher"]["logprobs"]
            # A grammar's mask would leave minus infinities behind.
            assert all(isinstance(logprob, float) and -60 < logprob <= 0 for logprob in logprobs)
            assert logprobs == sorted(logprobs, reverse=True)
            if drawn in ids:
                assert abs(logprobs[ids.index(drawn)] - drawn_logprob) < 1e-4


def test_doctor_agrees_with_the_ledger(finished: Finished) -> None:
    done = factory("doctor", "-w", finished.workspace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAULT" not in done.stdout and "as the ledger records them" in done.stdout


def test_models_are_whole_and_know_their_parents(finished: Finished) -> None:
    rows = finished.rows(
        "SELECT artifact_id, kind, path, digest, parents FROM artifacts WHERE kind <> 'model'"
    )
    assert sorted(row["kind"] for row in rows) == ["adapter", "adapter", "merged", "quantized"]
    for row in rows:
        assert verify(finished.workspace / row["path"]).digest == row["digest"]
    (quantized,) = [row for row in rows if row["kind"] == "quantized"]
    (merged,) = [row for row in rows if row["kind"] == "merged"]
    assert quantized["parents"] == [merged["artifact_id"]]


def test_a_second_run_has_nothing_to_do_and_touches_nothing(finished: Finished) -> None:
    before = {
        path: path.stat().st_mtime_ns
        for path in finished.workspace.rglob("*")
        if path.is_file() and path.name != "factory.lock"
    }
    done = factory("run", finished.recipe, "-w", finished.workspace)
    assert done.returncode == 0 and "nothing to do" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
