"""What is looked at beside training: the numbers are those of the formulas, the best student is kept,
patience survives a kill."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import EarlyStoppingCallback
from trl import SFTConfig

from factory.errors import FactoryError
from factory.recipe.distill import Distill
from factory.seeds.split import side
from factory.student.batch import Collator
from factory.student.checkpoints import WholeCheckpoints, last_whole
from factory.student.distill_spec import DistillSpec, gkd_config
from factory.student.distill_trainer import DistillTrainer
from factory.student.online_distill_trainer import OnlineDistillTrainer
from factory.student.sft_trainer import SftTrainer
from factory.student.validation import set_aside, worth
from factory.tasks.rows import IGNORED, TeacherSpan, TrainingRow
from tests.support import tiny

WATCHING = {
    "eval_strategy": "steps",
    "save_strategy": "steps",
    "per_device_eval_batch_size": 2,
    "load_best_model_at_end": True,
    "greater_is_better": False,
    "restore_callback_states_from_checkpoint": True,
    "save_total_limit": 2,
}


def _trainer(
    folder: Path, origin: str, rows: list[TrainingRow], watched: list[TrainingRow], **arguments: Any
) -> Any:
    settings = Distill.model_validate({"steps": 4, "teacher": origin, "trust": False, "tail": "bucket"})
    shared: dict[str, Any] = {
        "model": tiny.adapted(1),
        "train_dataset": tiny.dataset(rows),
        "eval_dataset": tiny.dataset(watched),
        "data_collator": Collator(0),
        "processing_class": tiny.tokenizer(),
        "callbacks": [WholeCheckpoints()],
    }
    said = tiny.arguments(folder, **(WATCHING | {"eval_steps": 2, "save_steps": 2} | arguments))
    if origin == "in_process":
        config = gkd_config(settings, 5, **said)
        return OnlineDistillTrainer(
            teacher_model=tiny.model(2),
            closing=[4],
            args=config,
            spec=DistillSpec(settings, tiny.K),
            **shared,
        )
    return DistillTrainer(
        args=SFTConfig(**said, dataset_kwargs={"skip_prepare_dataset": True}),
        spec=DistillSpec(settings, tiny.K),
        **shared,
    )


def _reference(model: Any, rows: list[TrainingRow], origin: str) -> dict[str, float]:
    teacher, nll, kl, same, exact = tiny.model(2), [], [], [], []
    for row in rows:
        mine = tiny.logits(model, row.input_ids).log_softmax(1)
        exact.append(
            all(
                int(mine[place - 1].argmax()) == label
                for place, label in enumerate(row.labels)
                if label != IGNORED
            )
        )
        nll += [-mine[place - 1, label] for place, label in enumerate(row.labels) if label != IGNORED]
        theirs = tiny.logits(teacher, row.spans[0].teacher_ids)[-row.spans[0].length - 1 : -1].log_softmax(1)
        for q, p in zip(mine[row.spans[0].start - 1 :][: row.spans[0].length], theirs, strict=True):
            same.append(float(q.argmax() == p.argmax()))
            if origin == "in_process":
                kl.append((p.exp() * (p - q)).sum())
            else:
                top = p.topk(tiny.K).indices
                rest_p, rest_q = 1 - p[top].exp().sum(), 1 - q[top].exp().sum()
                kl.append((p[top].exp() * (p[top] - q[top])).sum() + rest_p * (rest_p / rest_q).log())
    share, entropy = sum(exact) / len(exact), float(torch.stack(nll).mean())
    return {
        "eval_exact": share,
        "eval_worth": worth({"exact": sum(exact) / len(exact), "cross_entropy": entropy}, len(exact)),
        "eval_cross_entropy": entropy,
        "eval_divergence": float(torch.stack(kl).mean()),
        "eval_top1": sum(same) / len(same),
    }


@pytest.mark.parametrize("origin", ["stored", "in_process"])
def test_the_numbers_are_those_of_the_formulas(tmp_path: Path, origin: str) -> None:
    rows = tiny.rows(11, 3, tiny.model(2))
    trainer = _trainer(tmp_path, origin, rows[:6], rows[6:], metric_for_best_model="eval_divergence")
    found = trainer.evaluate()
    assert found == pytest.approx(_reference(trainer.model.eval(), rows[6:], origin), rel=1e-4, abs=1e-5)
    assert trainer.state.log_history[-1]["eval_top1"] == found["eval_top1"]


def test_without_a_teacher_there_is_cross_entropy_alone(tmp_path: Path) -> None:
    rows = tiny.rows(8, 3)
    trainer = SftTrainer(
        model=tiny.adapted(1),
        args=SFTConfig(
            **tiny.arguments(tmp_path, eval_strategy="steps"), dataset_kwargs={"skip_prepare_dataset": True}
        ),
        train_dataset=tiny.dataset(rows[:4]),
        eval_dataset=tiny.dataset(rows[4:]),
        data_collator=Collator(0),
        processing_class=tiny.tokenizer(),
    )
    assert list(trainer.evaluate()) == ["eval_exact", "eval_cross_entropy", "eval_worth"]


def _answered(model: Any, row: TrainingRow, *, right: bool) -> TrainingRow:
    """Return a row whose learnt tokens are what the model itself would say, but for the last one where it is
    not to be right."""
    ids, labels = list(row.input_ids), list(row.labels)
    learnt = [place for place, label in enumerate(labels) if label != IGNORED]
    for place in learnt:
        said = int(tiny.logits(model, ids)[place - 1].argmax())
        ids[place] = labels[place] = said if right or place != learnt[-1] else (said + 1) % tiny.VOCABULARY
    return dataclasses.replace(row, input_ids=ids, labels=labels)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_sample_is_right_if_every_token_of_all_its_rows_is(tmp_path: Path, batch: int) -> None:
    student = tiny.adapted(1).eval()
    right = [True, True, True, False, False, True, True]
    rows = [
        _answered(student, row, right=is_right) for row, is_right in zip(tiny.rows(7, 4), right, strict=True)
    ]
    # Sample 1 has a second row, and it is wrong; sample 3 has two that are right. Their rows are in other
    # batches.
    samples = [0, 1, 2, 1, 4, 3, 3]
    columns = [each | {"sample": sample} for each, sample in zip(tiny.columns(rows), samples, strict=True)]
    trainer = SftTrainer(
        model=student,
        args=SFTConfig(
            **tiny.arguments(tmp_path, eval_strategy="steps", per_device_eval_batch_size=batch),
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=tiny.dataset(rows),
        eval_dataset=Dataset.from_list(columns),
        data_collator=Collator(0),
        processing_class=tiny.tokenizer(),
    )
    assert trainer.evaluate()["eval_exact"] == pytest.approx(3 / 5)


@given(
    samples=st.integers(1, 500),
    right=st.tuples(st.integers(0, 500), st.integers(0, 500)),
    entropies=st.tuples(st.floats(0, 20), st.floats(0, 20)),
)
def test_worth_orders_by_exact_in_steps_of_its_standard_error_and_then_by_cross_entropy(
    samples: int, right: tuple[int, int], entropies: tuple[float, float]
) -> None:
    one, other = (
        {"exact": min(count, samples) / samples, "cross_entropy": entropy}
        for count, entropy in zip(right, entropies, strict=True)
    )
    first, second = worth(one, samples), worth(other, samples)
    # As far apart as two standard errors are never on one step.
    if one["exact"] - other["exact"] > 1 / math.sqrt(samples):
        assert first > second
    elif one["exact"] == other["exact"]:
        # To the digits that numbers have.
        assert first > second - 1e-15 or one["cross_entropy"] > other["cross_entropy"]


def test_one_sample_more_of_few_is_no_better_than_half_the_cross_entropy() -> None:
    early, late = {"exact": 11 / 24, "cross_entropy": 0.073}, {"exact": 10 / 24, "cross_entropy": 0.036}
    assert worth(late, 24) > worth(early, 24)
    assert worth(late, 2400) < worth(early, 2400)


def test_training_that_makes_nothing_better_leaves_the_student_that_there_was(tmp_path: Path) -> None:
    rows = tiny.rows(10, 3, tiny.model(2))
    changes = {"metric_for_best_model": "eval_cross_entropy", "learning_rate": 0.3, "eval_on_start": True}

    def run(*, cut: int | None = None) -> Any:
        trainer = _best_at(_trainer(tmp_path, "stored", rows[:5], rows[5:], **changes), 0)
        if cut is not None:
            trainer.args.max_steps = cut
        trainer.run(last_whole(tmp_path))
        return trainer

    before = _trainer(tmp_path / "before", "stored", rows[:5], rows[5:], metric_for_best_model="eval_exact")
    run(cut=2)
    trainer = run()
    looks = _looks(trainer)
    assert sorted(looks) == [0, 2, 4] and looks[4] != pytest.approx(looks[0], rel=1e-3)
    assert [entry["step"] for entry in trainer.state.log_history if "eval_exact" in entry] == [0, 2, 4]
    assert trainer.state.best_global_step == 0
    assert _measured(trainer)["eval_cross_entropy"] == pytest.approx(
        _measured(before)["eval_cross_entropy"], rel=1e-5
    )


def _looks(trainer: Any) -> dict[int, float]:
    return {
        entry["step"]: entry["eval_cross_entropy"]
        for entry in trainer.state.log_history
        if "eval_cross_entropy" in entry
    }


def _best_at(trainer: Any, step: int) -> Any:
    """Return the trainer, which takes the student for best after this step; whether it is, would depend on
    the processor. What is logged is what was measured."""

    inner = trainer.callback_handler.on_evaluate

    def on_evaluate(args: Any, state: Any, control: Any, metrics: dict[str, float]) -> Any:
        metrics["eval_cross_entropy"] = float(abs(state.global_step - step))
        return inner(args, state, control, metrics)

    trainer.callback_handler.on_evaluate = on_evaluate
    return trainer


def _measured(trainer: Any) -> dict[str, float]:
    trainer.evaluate()
    return trainer.state.log_history[-1]


def test_the_best_student_is_kept(tmp_path: Path) -> None:
    rows = tiny.rows(10, 3, tiny.model(2))
    changes = {"metric_for_best_model": "eval_cross_entropy", "learning_rate": 0.3, "steps": 12}
    trainer = _best_at(_trainer(tmp_path, "stored", rows[:5], rows[5:], **changes), 4)
    trainer.train()
    looks = _looks(trainer)
    assert trainer.state.best_global_step == 4 and max(looks) == 12
    assert all(looks[step] != pytest.approx(looks[4], rel=1e-4) for step in looks if step != 4)
    assert _measured(trainer)["eval_cross_entropy"] == pytest.approx(looks[4], rel=1e-5)


def test_patience_survives_a_kill(tmp_path: Path) -> None:
    rows = tiny.rows(10, 3, tiny.model(2))
    changes = {
        "metric_for_best_model": "eval_cross_entropy",
        "learning_rate": 0.3,
        "steps": 40,
        "lr_scheduler_type": "constant",
    }

    def run(folder: Path, *, cut: int | None = None) -> Any:
        trainer = _best_at(_trainer(folder, "stored", rows[:5], rows[5:], **changes), 6)
        trainer.add_callback(EarlyStoppingCallback(2))
        if cut is not None:
            trainer.args.max_steps = cut
        resumed = last_whole(folder)
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        return trainer

    whole = run(tmp_path / "whole")
    assert (whole.state.best_global_step, max(_looks(whole))) == (6, 10)
    # One look without a better one, then a kill: one more is left.
    run(tmp_path / "cut", cut=8)
    again = run(tmp_path / "cut")
    assert _looks(again) == pytest.approx(_looks(whole), abs=1e-4)
    assert again.state.best_global_step == whole.state.best_global_step


_SPANS = (TeacherSpan(1, 1, [], [], [], ""),)


def test_seeds_are_set_aside_and_not_rows() -> None:
    rows = [TrainingRow(f"b2:{i}", [1, 2], [IGNORED, 2], _SPANS, seed=f"b2:seed{i % 20}") for i in range(100)]
    learnt, watched = set_aside(rows, 0.3, 0.3, distilled=True)
    assert sorted([*learnt, *watched]) == list(range(100))
    assert watched and {side(rows[place].seed, 0.3) for place in watched} == {"validation"}
    assert not {rows[place].seed for place in learnt} & {rows[place].seed for place in watched}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
def test_what_any_stage_watches_none_learns_from(share: float) -> None:
    rows = [TrainingRow(f"b2:{i}", [1, 2], [IGNORED, 2], _SPANS, seed=f"b2:seed{i % 40}") for i in range(80)]
    learnt, watched = set_aside(rows, share, 0.3, distilled=True)
    assert learnt == set_aside(rows, 0.3, 0.3, distilled=True)[0]
    assert bool(watched) == bool(share)
    assert not set(learnt) & set(watched)


@pytest.mark.parametrize(
    ("patience", "steps", "ends"), [(None, 5, 5), (1, 41, 3)], ids=["all steps", "ended early"]
)
def test_a_run_killed_after_its_last_step_takes_no_other(
    tmp_path: Path, patience: int | None, steps: int, ends: int
) -> None:
    rows = tiny.rows(10, 3, tiny.model(2))
    # Two steps an epoch, so that five are no whole number of them: Trainer goes on to the end of one that was
    # begun.
    changes = {
        "metric_for_best_model": "eval_cross_entropy",
        "learning_rate": 0.3,
        "steps": steps,
        "eval_steps": 1,
        "save_steps": 1,
    }

    def run() -> Any:
        trainer = _trainer(tmp_path, "stored", rows[:5], rows[5:], lr_scheduler_type="constant", **changes)
        _best_at(trainer, 2)
        if patience:
            trainer.add_callback(EarlyStoppingCallback(patience))
        trainer.run(last_whole(tmp_path))
        return trainer

    first, again = run(), run()
    assert first.state.global_step == ends
    assert (again.state.global_step, again.state.best_global_step) == (
        first.state.global_step,
        first.state.best_global_step,
    )
    assert _looks(again) == _looks(first)
    assert _measured(again) == _measured(first)


def test_a_look_that_finds_no_number_stops(tmp_path: Path) -> None:
    rows = tiny.rows(8, 3, tiny.model(2))
    trainer = _trainer(tmp_path, "stored", rows[:4], rows[4:], metric_for_best_model="eval_divergence")
    with torch.no_grad():
        trainer._base.model.norm.weight.fill_(float("nan"))
    said = r"step 0: validation loss is not finite \(exact 0.0, cross entropy nan"
    with pytest.raises(FactoryError, match=said):
        trainer.evaluate()


@pytest.mark.parametrize(("seeds", "distilled", "length"), [(1, False, 1), (40, True, 0)])
def test_an_empty_side_is_told(seeds: int, distilled: bool, length: int) -> None:
    rows = [
        TrainingRow(
            f"b2:{i}",
            [1, 2],
            [IGNORED, 2],
            (TeacherSpan(1, 1, [], [], [], ""),) * length,
            seed=f"b2:seed{i % seeds}",
        )
        for i in range(40)
    ]
    with pytest.raises(
        FactoryError,
        match=r"validation.share: 0.1 of \d+ seeds leaves \d+ rows to learn from and \d+ to validate on",
    ):
        set_aside(rows, 0.1, 0.1, distilled=distilled)
