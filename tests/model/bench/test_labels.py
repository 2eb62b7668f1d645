"""The whole way of an encoder, from a teacher behind a server to the report and the benchmark's table: vLLM
is not needed for any of it."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from bench import labels
from factory.store.reader import ask
from tests.support import toy_labels
from tests.support.model_server import Server, completion, serving


def test_an_encoder_goes_the_whole_way_and_into_the_table(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Threads that wait for each other on a model of this size take minutes on a busy machine.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def say(body: dict) -> tuple[int, dict]:
        return 200, completion(body, json.dumps(toy_labels.label_of(body["messages"][-1]["content"])))

    toy_labels.encoder(tmp_path / "encoder")
    with serving(Server(always=say)) as server:
        recipe = toy_labels.project(tmp_path, "{base: encoder, stages: [{sft: {steps: 1}}]}", url=server.url)
        given = ["--recipe", recipe, "--base", "none", "--encoder", tmp_path / "encoder"]
        given += ["--steps", 20, "--learning-rate", 0.003, "--keep", tmp_path / "kept"]
        labels.main(list(map(str, given)))
    *_, head, _, line, last = capfd.readouterr().out.strip().splitlines()
    (found,) = json.loads(last)["labels"]
    assert head.startswith("| student | accuracy") and line.startswith("| encoder 1 | ")
    assert 0 <= found["calibration_error"] <= 1
    assert found["low"] <= found["accuracy"] <= found["high"]
    assert found["bytes"] > 0 and found["seconds"] > 0
    assert 0 <= found["answered"] <= 1
    workspace = tmp_path / "kept" / "work"
    report = json.loads((workspace / "reports" / "report.json").read_text())
    assert [model["role"] for model in report["models"]] == ["teacher", "student"]
    names = [row["name"] for row in report["models"][1]["metrics"]]
    assert {"uncalibrated_error", "answered_share", "texts_per_s_batch_32"} <= set(names)
    assert not any("tokens" in name or name == "latency_p50_s" for name in names)
    # What calibrates was learnt by no stage.
    roles = ask(workspace / "factory.duckdb", "SELECT role, sample_id FROM artifact_samples").rows
    by_role = {role: {sample for one, sample in roles if one == role} for role, _ in roles}
    assert by_role["calibrate"] and not by_role["calibrate"] & by_role["train"]
