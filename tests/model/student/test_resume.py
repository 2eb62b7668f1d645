"""A run that was interrupted in any phase and goes on is the run that never was: its losses are the same
numbers."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from transformers import TrainerCallback  # noqa: E402
from trl import SFTConfig  # noqa: E402

from factory.recipe.distill import Distill  # noqa: E402
from factory.student.batch import Collator  # noqa: E402
from factory.student.checkpoints import WholeCheckpoints, last_whole  # noqa: E402
from factory.student.distill_spec import DistillSpec, gkd_config  # noqa: E402
from factory.student.distill_trainer import DistillTrainer  # noqa: E402
from factory.student.online_distill_trainer import OnlineDistillTrainer  # noqa: E402
from tests.support import tiny  # noqa: E402

STEPS = 9


class _Killed(TrainerCallback):
    """Ends the run after a step, as a kill would: nothing is saved that was not saved before."""

    def __init__(self, step: int):
        self._step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self._step:
            control.should_training_stop, control.should_save = True, False


def _losses(folder: Path, settings: dict, *, killed_at: int | None = None) -> list[dict[str, float]]:
    """Train for what is left, from the last whole checkpoint, and return what was logged of each step."""
    teacher = tiny.model(2, width=48)
    rows = tiny.rows(7, 3, teacher)
    settings = Distill.model_validate({"steps": STEPS, "trust": False, **settings})
    arguments = tiny.arguments(folder, steps=STEPS, save_strategy="steps", save_steps=2)
    arguments |= {"train_sampling_strategy": "group_by_length" if settings.group_by_length else "random"}
    shared = {
        "model": tiny.adapted(1),
        "train_dataset": tiny.dataset(rows),
        "data_collator": Collator(0),
        "processing_class": tiny.tokenizer(),
        "spec": DistillSpec(settings, tiny.K, [(1, 1), (2, 2)] if settings.hidden else [], 48),
        "callbacks": [WholeCheckpoints(), *([_Killed(killed_at)] if killed_at else [])],
    }
    if settings.teacher == "stored":
        trainer = DistillTrainer(
            args=SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True}), **shared
        )
    else:
        trainer = OnlineDistillTrainer(
            teacher_model=teacher, closing=[4], args=gkd_config(settings, 5, **arguments), **shared
        )
    resumed = last_whole(folder)
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    parts = ("step", "loss", "cross_entropy", "divergence", "hidden")
    return [
        {name: entry[name] for name in parts if name in entry}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"teacher": "stored", "top_k": {"start": 2, "end": 6}, "group_by_length": True},
        {
            "curriculum": [
                {"until": 0.4, "top_k": 3},
                {"until": 0.7, "temperature": {"start": 1, "end": 3}},
                {"random_k": 4},
            ],
            "weight": {"start": 0, "peak": 0.9, "end": 0.2, "warmup": 0.3, "decay": 0.3},
            "hidden": {},
        },
        {"on_policy": 0.5, "beta": 0.5, "gradient_checkpointing": True},
        {
            "curriculum": [{"until": {"top1": 0.03, "share": 0.8}, "top_k": 3}, {"temperature": 2.0}],
            "interpolate": "taid",
            "focus": 0.6,
            "bound": 0.2,
        },
    ],
    ids=["stored", "curriculum", "on_policy", "by_ability"],
)
@pytest.mark.parametrize("killed_at", [3, 5, 8])
def test_a_run_that_goes_on_lies_on_the_one_that_was_never_interrupted(
    tmp_path: Path, settings: dict, killed_at: int
) -> None:
    whole = _losses(tmp_path / "whole", settings)
    assert [entry["step"] for entry in whole] == list(range(1, STEPS + 1))
    _losses(tmp_path / "cut", settings, killed_at=killed_at)
    together = _losses(tmp_path / "cut", settings)
    assert len(together) == STEPS
    for entry, expected in zip(together, whole, strict=True):
        assert entry == pytest.approx(expected, abs=1e-4)


def test_projections_are_learnt_and_left_out_of_the_adapter(tmp_path: Path) -> None:
    settings = Distill.model_validate({"steps": 3, "hidden": {}})
    teacher = tiny.model(2, width=48)
    trainer = OnlineDistillTrainer(
        model=tiny.adapted(1),
        teacher_model=teacher,
        closing=[4],
        args=gkd_config(settings, 5, **tiny.arguments(tmp_path / "run", steps=3)),
        train_dataset=tiny.dataset(tiny.rows(4, 3)),
        data_collator=Collator(0),
        processing_class=tiny.tokenizer(),
        spec=DistillSpec(settings, 0, [(2, 2)], 48),
    )
    before = {name: weight.clone() for name, weight in trainer._projection_weights().items()}
    trainer.train()
    assert list(before) == ["0.weight"]
    assert not torch.equal(before["0.weight"], trainer._projection_weights()["0.weight"])
    trainer.model.save_pretrained(tmp_path / "adapter")
    from safetensors import safe_open

    with safe_open(tmp_path / "adapter" / "adapter_model.safetensors", "pt") as file:
        assert all("lora_" in name for name in file.keys())  # noqa: SIM118
