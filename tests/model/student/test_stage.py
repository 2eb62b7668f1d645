"""A stage from rows to its adapter, on tiny models: every source of the distribution, what is left out and
why, and what is refused."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch")

from factory.context.lineage import Lineage  # noqa: E402
from factory.context.run import Run  # noqa: E402
from factory.errors import FactoryError  # noqa: E402
from factory.models.artifact import verify  # noqa: E402
from factory.recipe import load_recipe  # noqa: E402
from factory.recipe.stages import SftStage  # noqa: E402
from factory.student.learning_rate import Rate  # noqa: E402
from factory.student.stage_plan import StagePlan, stage_plans  # noqa: E402
from factory.student.stage_rows import stage_rows  # noqa: E402
from factory.student.stage_trainers import stage_arguments  # noqa: E402
from factory.student.training_stage import train_stage  # noqa: E402
from factory.system.progress import Progress  # noqa: E402
from factory.tasks.rows import TrainingRow  # noqa: E402
from factory.workspace import Workspace  # noqa: E402
from tests.support import tiny  # noqa: E402
from tests.support.caches import made_here  # noqa: E402
from tests.support.sample_ids import SampleIds  # noqa: E402

ROOT = Path(__file__).parents[3]


@pytest.fixture
def trained(tmp_path: Path):
    """Return a function that trains the stages of a recipe on rows and gives the last adapter's folder."""
    for name, model in (
        ("teacher", tiny.model(2, layers=3, width=48, vocabulary=208)),
        ("base", tiny.model(1)),
    ):
        tiny.tokenizer().save_pretrained(tmp_path / name)
        model.save_pretrained(tmp_path / name)

    def train(stages: list[dict], rows) -> Path:
        recipe = yaml.safe_load((ROOT / "pipelines" / "calculator.yaml").read_text())
        recipe["teacher"] = {"model": str(tmp_path / "teacher"), "sampling": {"max_tokens": 6}}
        recipe["student"] = {
            "base": str(tmp_path / "base"),
            "adapter": {"rank": 4, "alpha": 8},
            "precision": "float32",
            "stages": stages,
        }
        for key in ("seeds", "tools"):
            recipe["data"][key] = str(ROOT / recipe["data"][key])
        recipe["evaluate"]["held_out"] = str(ROOT / recipe["evaluate"]["held_out"])
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(recipe))
        context = Run(load_recipe(path), Workspace(tmp_path / "work"), Progress())
        before = None
        lineage = Lineage(context, SampleIds([row.sample_id for row in rows]))
        for plan, (_, planned) in zip(stage_plans(context, rows), lineage.adapters, strict=True):
            with made_here():
                train_stage(context, plan, context.base.folder, planned, before, rows, tiny.tokenizer())
            before = planned
        assert before is not None
        return context.workspace.models / before.name

    return train


def _rows(count: int = 6):
    return tiny.rows(count, 3, tiny.model(2, layers=3, width=48))


def test_any_number_of_stages_in_any_order(trained, capfd) -> None:
    align = {"steps": 2, "batch_size": 3, "teacher": "cache"}
    folder = trained(
        [
            {"align": align},
            {"sft": {"steps": 2, "batch_size": 3, "save_every": 1}},
            {"align": align | {"teacher": "in_process", "weight": 0.5}},
            {"sft": {"steps": 3, "batch_size": 3}},
        ],
        _rows(),
    )
    logs = {}
    for made in folder.parent.iterdir():
        log = verify(made).about["training_log"]
        logs[made.name.rpartition("-")[0], frozenset(entry["metric"] for entry in log)] = log
    usual = {"loss", "learning_rate", "grad_norm", "tokens_per_s"}
    assert {(name, metrics - usual) for name, metrics in logs} == {
        ("adapter-align", frozenset({"hidden"})),
        ("adapter-sft", frozenset({"cross_entropy"})),
        ("adapter-align", frozenset({"cross_entropy", "hidden"})),
    }
    # Two of four have the same metrics: the second of each name goes on with the optimizer too.
    assert "begins afresh" not in capfd.readouterr().err
    assert len(list((folder.parents[1] / "checkpoints").glob("*.optimizer"))) == 3
    rates = [
        entry["value"] for entry in verify(folder).about["training_log"] if entry["metric"] == "learning_rate"
    ]
    assert len(rates) == 3 and rates == sorted(rates, reverse=True) and rates[0] < 0.5e-3


def test_a_stage_whose_optimizer_is_gone_begins_afresh_and_says_so(trained, capfd, monkeypatch) -> None:
    monkeypatch.setattr("factory.student.optimizer_state.read", lambda path: {})
    trained([{"sft": {"steps": 1}}, {"sft": {"steps": 1}}], _rows())
    assert "sft 2: the optimizer of adapter-sft-" in capfd.readouterr().err


def test_a_stage_learns_its_lessons_and_its_sources_alone(trained) -> None:
    rows = [
        dataclasses.replace(row, task=("label", "rationale")[i % 2], source=("a", "b", "c")[i % 3])
        for i, row in enumerate(_rows(12))
    ]
    folder = trained([{"sft": {"steps": 1}}], rows)
    assert verify(folder).about["left_out"] == {}
    part = {"steps": 1, "lessons": ["rationale"], "sources": ["a", "b"]}
    stage = SftStage.model_validate({"sft": part})
    found = stage_rows(None, StagePlan(stage, "sft", Rate(0, 1, 0), 0, None, False, 0.0, None), rows)
    assert {row.sample_id for row in found.rows} == {"b2:1", "b2:3", "b2:7", "b2:9"}
    assert found.left_out == {
        row.sample_id: "other_stage" for row in rows if row.sample_id not in {"b2:1", "b2:3", "b2:7", "b2:9"}
    }


def test_each_stage_has_another_order_of_rows(tmp_path: Path, trained) -> None:
    folder = trained([{"sft": {"steps": 1}}, {"sft": {"steps": 1}}], _rows())
    run = Run(load_recipe(tmp_path / "recipe.yaml"), Workspace(tmp_path / "work"), Progress())
    plans = stage_plans(run, _rows())
    assert [plan.seed for plan in plans] == [7, 8]
    assert [stage_arguments(run, plan, str(folder))["data_seed"] for plan in plans] == [7, 8]


@pytest.mark.parametrize(
    ("distill", "parts"),
    [
        ({"teacher": "stored"}, {"cross_entropy", "divergence"}),
        (
            {"teacher": "stored", "top_k": 3, "tail": "renormalize", "group_by_length": True},
            {"cross_entropy", "divergence"},
        ),
        (
            {"teacher": "cache", "temperature": 2.0, "hidden": {"layers": [[1, 2]]}},
            {"cross_entropy", "divergence", "hidden"},
        ),
        ({"curriculum": [{"until": 0.5, "top_k": 3}, {"temperature": 2.0}]}, {"cross_entropy", "divergence"}),
        (
            {"on_policy": 1.0, "hidden": {"loss": "mse"}, "gradient_checkpointing": True},
            {"divergence", "hidden"},
        ),
    ],
    ids=["stored", "top_k", "cache", "curriculum", "on_policy"],
)
def test_a_stage_ends_in_an_adapter_with_its_log(trained, distill: dict, parts: set[str]) -> None:
    folder = trained(
        [{"sft": {"steps": 2, "batch_size": 3}}, {"distill": {"steps": 4, "batch_size": 3, **distill}}],
        _rows(),
    )
    about = verify(folder).about
    logged = {(entry["step"], entry["metric"]) for entry in about["training_log"]}
    assert {metric for _, metric in logged} - {"loss", "learning_rate", "grad_norm", "tokens_per_s"} == parts
    assert {step for step, _ in logged} == {1, 2, 3, 4}
    assert about["left_out"] == {}
    assert json.loads((folder / "adapter_config.json").read_text())["r"] == 4
    assert not (folder.parents[1] / "checkpoints" / folder.name).exists()


def _spanned(row: TrainingRow, **changes: Any) -> TrainingRow:
    return dataclasses.replace(row, spans=(dataclasses.replace(row.spans[0], **changes),))


def test_rows_that_do_not_fit_are_left_out_with_a_count_and_a_reason(trained, capfd) -> None:
    rows = _rows()
    rows[1] = _spanned(rows[1], topk_ids=[], topk_logprobs=[], fault="other_token")
    (span,) = rows[4].spans
    cut = {"topk_ids": [ids[:2] for ids in span.topk_ids]}
    cut |= {"topk_logprobs": [logs[:2] for logs in span.topk_logprobs]}
    rows[4] = _spanned(rows[4], **cut)
    folder = trained([{"distill": {"steps": 1, "teacher": "stored", "top_k": 3}}], rows)
    assert verify(folder).about["left_out"] == {"b2:1": "other_token", "b2:4": "too_few_logprobs"}
    assert (
        "2 of 6 samples are left out: 1 other_token (the stored distribution contradicts the token), "
        "1 too_few_logprobs (too few log-probabilities are stored for a token)"
    ) in capfd.readouterr().err


def test_what_a_later_stage_watches_no_earlier_one_has_learnt(trained) -> None:
    rows = [dataclasses.replace(row, seed=f"b2:seed{i}") for i, row in enumerate(_rows(20))]
    folder = trained(
        [{"sft": {"steps": 1}}, {"distill": {"steps": 1, "validation": {"share": 0.4, "every": 1}}}], rows
    )
    (first,) = (made for made in folder.parent.iterdir() if "sft" in made.name)
    aside = verify(folder).about["left_out"]
    assert 0 < len(aside) < 20
    assert set(aside.values()) == {"watched"}
    assert verify(first).about["left_out"] == aside
    logged = {entry["metric"] for entry in verify(folder).about["training_log"]}
    assert logged >= {"eval_exact", "eval_cross_entropy", "eval_divergence", "eval_top1"}
    # The look before the first step.
    assert {e["step"] for e in verify(folder).about["training_log"] if e["metric"] == "eval_exact"} == {0, 1}
    assert not any(entry["metric"].startswith("eval") for entry in verify(first).about["training_log"])


def test_a_cache_holds_no_more_samples_than_the_stage_can_see(trained) -> None:
    folder = trained([{"distill": {"steps": 2, "batch_size": 3, "teacher": "cache"}}], _rows(20))
    left_out = verify(folder).about["left_out"]
    assert len(left_out) == 14
    assert set(left_out.values()) == {"unread"}
    (cache,) = (folder.parents[1] / "cache").glob("hidden-*")
    assert len(verify(cache).about["lengths"]) == 6


def test_a_stage_with_no_row_left_stops(trained) -> None:
    with pytest.raises(
        FactoryError, match="none of the 4 samples can be learnt from: 4 no_logprobs"
    ) as caught:
        trained([{"distill": {"steps": 1, "teacher": "stored"}}], tiny.rows(4, 3))
    assert "sft alone" in caught.value.hint


def test_a_layer_that_is_not_there_is_told(trained) -> None:
    with pytest.raises(FactoryError, match=r"no pair \[3, 3\]: the student has 2 layers, the teacher 3"):
        trained([{"distill": {"steps": 1, "hidden": {"layers": [[3, 3]]}}}], _rows())
