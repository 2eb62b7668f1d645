"""Distillation from stored distributions and cached hidden states: phases, cross-entropy beside the
divergence, temperature in the loss, hidden-state alignment, padded vocabularies.

Promise: what is learnt beside the student (the projections) is in the checkpoints, so that a run resumed from
one equals a run that was never interrupted.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from factory.student.cache import HiddenCache
from factory.student.distill_spec import DistillSpec
from factory.student.losses.layers import projections
from factory.student.objective import Objective, TeacherSignal
from factory.student.sft_trainer import SftTrainer, loss_weights
from factory.student.step_settings import StepSettings, step_settings
from factory.student.validation import Agreement
from factory.tasks.rows import IGNORED

_PROJECTIONS = "projections.safetensors"


class DistillTrainer(SftTrainer):
    """Distillation with no teacher in memory: from the stored distributions, and from a cache of the
    teacher's hidden states."""

    def __init__(self, *arguments: Any, spec: DistillSpec, cache: HiddenCache | None = None, **named: Any):
        self.spec, self._cache = spec, cache
        super().__init__(*arguments, **named)
        self._add_projections(spec)

    def _add_projections(self, spec: DistillSpec) -> None:
        """Put the projections into the model, where optimizer and accelerate find them; an adapter that is
        saved leaves them out."""
        if spec.layers:
            width = self._base.config.get_text_config().hidden_size
            made = projections(width, spec.teacher_width, len(spec.layers), self.args.seed)
            self._base.hidden_projections = made.to(self._base.device)

    def objective(self, inputs: dict[str, torch.Tensor], step: int) -> Objective:
        assert self.spec is not None
        settings, now = self.spec.settings, step_settings(self.spec.settings, step, self.spec.stored_k)
        targets = inputs["labels"][:, 1:]
        own = "own" in inputs
        device = targets.device
        return Objective(
            targets,
            targets != IGNORED,
            inputs["teacher_mask"][:, 1:],
            self.known(inputs, now),
            now,
            settings.tail,
            settings.beta,
            settings.hidden.loss if settings.hidden else "cosine",
            [student for student, _ in self.spec.layers],
            getattr(self._base, "hidden_projections", ()),
            torch.Generator(device).manual_seed(self.args.seed * 1_000_003 + step) if now.random_k else None,
            answers=not own,
            weights=None if own else loss_weights(inputs),
            over_processes=self._over_processes,
        )

    def agreement(self, inputs: dict[str, torch.Tensor]) -> Agreement:
        """Return the validation metrics of a batch, against the teacher's whole distribution where it can be
        had."""
        assert self.spec is not None
        targets, settings = inputs["labels"][:, 1:], self.spec.settings
        now = StepSettings(
            0, self.spec.stored_k if settings.teacher == "stored" else None, None, 1.0, 1.0, 0.0
        )
        mask = inputs["teacher_mask"][:, 1:]
        return Agreement(targets, targets != IGNORED, mask, self.known(inputs, now))

    def known(self, inputs: dict[str, torch.Tensor], now: StepSettings) -> TeacherSignal:
        """Return what is known of the teacher at the words that it wrote in a batch."""
        assert self.spec is not None
        layers: list[torch.Tensor] = []
        if self._cache is not None:
            device, rows = inputs["labels"].device, inputs["row"].tolist()
            if now.hidden_weight > 0:
                layers = [
                    self._cache.states(file, rows).to(device) for file in range(1, 1 + len(self.spec.layers))
                ]
            if now.top_k is None:
                return TeacherSignal(
                    hidden=self._cache.states(0, rows).to(device),
                    head=self._cache.head.to(device),
                    layers=layers,
                )
        return TeacherSignal(inputs["topk_ids"], inputs["topk_logprobs"], layers=layers)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        weights = self._projection_weights()
        if weights and self.args.should_save:
            save_file(
                weights, Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}" / _PROJECTIONS
            )

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        if self._projection_weights():
            self._base.hidden_projections.load_state_dict(
                load_file(Path(resume_from_checkpoint) / _PROJECTIONS)
            )

    def finished(self) -> Any:
        """Return the trained model without what was only there for training."""
        if hasattr(self._base, "hidden_projections"):
            del self._base.hidden_projections
        return super().finished()

    def _projection_weights(self) -> dict[str, torch.Tensor]:
        return dict(getattr(self._base, "hidden_projections", nn.ModuleList()).state_dict())
