"""Distillation from stored distributions and cached hidden states: phases, cross-entropy beside the
divergence, temperature in the loss, hidden-state alignment, padded vocabularies.

Promise: what is learnt beside the student (the projections) and what the loss follows from (the pace) is in
the checkpoints, so that a run resumed from one equals a run that was never interrupted.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import TrainerCallback

from factory.recipe.distill import Until
from factory.student.balance import Balance
from factory.student.batch import marked
from factory.student.cache import HiddenCache
from factory.student.comparison import Comparison, TeacherSignal
from factory.student.distill_spec import DistillSpec
from factory.student.losses.layers import Ridge, projections
from factory.student.objective import Objective
from factory.student.pace import Pace
from factory.student.selection import Selection
from factory.student.sft_trainer import SftTrainer, loss_weights
from factory.student.step_settings import StepSettings, step_settings
from factory.student.validation import Agreement
from factory.tasks.rows import IGNORED

_PROJECTIONS = "projections.safetensors"
_FITTED_ON = 4  # positions for each of the student's dimensions


class _Fitted(TrainerCallback):
    """Fits the projections before the first step; a checkpoint has them."""

    def __init__(self, fit: Callable[[], None]):
        self._fit = fit

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 0:
            self._fit()


class DistillTrainer(SftTrainer):
    """Distillation with no teacher in memory: from the stored distributions, and from a cache of the
    teacher's hidden states."""

    def __init__(self, *arguments: Any, spec: DistillSpec, cache: HiddenCache | None = None, **named: Any):
        self.spec, self._cache, self.pace = spec, cache, Pace()
        super().__init__(*arguments, **named)
        self._add_projections(spec)

    def _add_projections(self, spec: DistillSpec) -> None:
        """Put the projections into the model, where optimizer and accelerate find them; an adapter that is
        saved leaves them out."""
        if spec.layers:
            width = self._base.config.get_text_config().hidden_size
            made = projections(width, spec.teacher_width, len(spec.layers), self.args.seed)
            self._base.hidden_projections = made.to(self._base.device)
            if self._projection_weights():
                self.add_callback(_Fitted(lambda: self.fit_projections()))

    @torch.no_grad()
    def fit_projections(self) -> None:
        """Set each projection to the map that fits best what student and teacher make of some rows now: a
        random one would draw the student to a random image of the teacher."""
        assert self.spec is not None
        maps = list(self._base.hidden_projections)
        fits = [Ridge(one.in_features, one.out_features) for one in maps]
        now = StepSettings(0, None, None, 1.0, 0.0, 1.0)
        places = list(range(len(self.train_dataset)))
        random.Random(self.args.seed).shuffle(places)
        learning = self.model.training
        self.model.eval()
        while places and fits[0].seen < _FITTED_ON * maps[0].in_features:
            batch, places = places[: self.args.train_batch_size], places[self.args.train_batch_size :]
            inputs = self._prepare_inputs(self.data_collator([self.train_dataset[place] for place in batch]))
            output = self._base.get_decoder()(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                use_cache=False,
                output_hidden_states=True,
            )
            taught = inputs["teacher_mask"][:, 1:]
            pairs = zip(self.spec.layers, self.known(inputs, now).layers, strict=True)
            for fit, ((own, _), theirs) in zip(fits, pairs, strict=True):
                fit.add(output.hidden_states[own][:, :-1][taught], theirs)
        self.model.train(learning)
        for one, fit in zip(maps, fits, strict=True):
            if fit.seen:
                weight = fit.weight().to(one.weight)
                one.weight.copy_(self._over_processes(weight))

    def objective(self, inputs: dict[str, torch.Tensor], step: int) -> Objective:
        assert self.spec is not None
        settings, pace = self.spec.settings, self.pace
        now = step_settings(settings, step, self.spec.stored_k, pace.ended)
        targets = inputs["labels"][:, 1:]
        own = "own" in inputs
        device = targets.device
        openings = marked(inputs["input_ids"].shape, inputs["openings"]) if "openings" in inputs else None
        wants_top1 = any(isinstance(phase.until, Until) for phase in settings.curriculum) and not own
        asked = now.weight > 0 or now.hidden_weight > 0 or wants_top1
        return Objective(
            targets,
            targets != IGNORED,
            inputs["teacher_mask"][:, 1:],
            self.known(inputs, now) if asked else TeacherSignal(),
            Comparison(
                now,
                settings.tail,
                settings.beta,
                torch.Generator(device).manual_seed(self.args.seed * 1_000_003 + step),
                pace.taid.share if settings.interpolate else 1.0,
            ),
            Balance(settings.mix, settings.bound, pace.means),
            Selection(settings.trust, settings.focus, settings.behind),
            None if openings is None else openings[:, 1:],
            settings.hidden.loss if settings.hidden else "cosine",
            [student for student, _ in self.spec.layers],
            getattr(self._base, "hidden_projections", ()),
            answers=not own,
            wants_top1=wants_top1,
            weights=None if own else loss_weights(inputs),
            over_processes=self._over_processes,
        )

    def observe(self, step: int, found: dict[str, float]) -> None:
        assert self.spec is not None
        self.pace.observe(self.spec.settings, step, found)

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
        if not self.args.should_save:
            return
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        self.pace.save(folder)
        if weights := self._projection_weights():
            save_file(weights, folder / _PROJECTIONS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.pace = Pace.load(Path(resume_from_checkpoint))
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
