"""TRL's trainers with what they lack: logits at the loss positions only and in blocks, a teacher with a prompt of its own or none at all,
phases, cross-entropy beside the divergence, temperature in the loss, hidden states, padded vocabularies.

Promise: everything that a step does follows from settings, seed and the step's number, and what is learnt beside the student (the
projections) is in the checkpoints: a run that goes on from one is the run that was never interrupted. A loss that is no number stops it.
"""

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from trl import SFTTrainer
from trl.experimental.gkd import GKDConfig, GKDTrainer

from factory.errors import FactoryError
from factory.recipe.distill import Distill
from factory.student.batch import LengthGroups, spans
from factory.student.cache import HiddenCache
from factory.student.losses.head import Head
from factory.student.losses.layers import projections
from factory.student.objective import Known, Objective, take_objectives
from factory.student.rows import IGNORED
from factory.student.schedule import Moment, moment

_PROJECTIONS = "projections.safetensors"


@dataclass(frozen=True)
class Lesson:
    """What a stage of distillation is to learn: its settings, how many tokens are stored at a position, which layers meet (student's,
    teacher's), and the teacher's width."""

    settings: Distill
    stored_k: int
    layers: Sequence[tuple[int, int]] = ()
    teacher_width: int = 0


class AnswerTrainer(SFTTrainer):
    """SFT on the assistant's tokens alone."""

    lesson: Lesson | None = None

    def __init__(self, *arguments: Any, **named: Any):
        super().__init__(*arguments, **named)
        take_objectives(self._base)

    @property
    def _base(self) -> Any:
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def objective(self, inputs: dict[str, torch.Tensor], step: int) -> Objective:
        """Return the loss of a batch at a step, counted from 0."""
        targets = inputs["labels"][:, 1:]
        return Objective(targets, targets != IGNORED)

    def compute_loss(
        self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        step = self.state.global_step
        objective = self.objective(inputs, step)
        total, parts = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], objective=objective)
        # The mean over all processes, so that they all log the same and all stop at the same step.
        mean, *shares = self.accelerator.reduce(torch.stack([total.detach(), *parts.values()]), reduction="mean").tolist()
        found = dict(zip(parts, shares, strict=True))
        if not math.isfinite(mean):
            told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.items())
            raise FactoryError(
                f"step {step + 1}: the loss is {mean} ({told}), so nothing more can be learnt",
                "Lower the learning rate, or write precision: float32; then run the same command again.",
            )
        for name, value in found.items():
            # SFTTrainer's own collection: averaged over what one line of the log covers.
            self._metrics["train" if self.model.training else "eval"][name].append(value)
        return total

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        dataset = self.train_dataset if train_dataset is None else train_dataset
        return LengthGroups([len(ids) for ids in dataset["input_ids"]], self.args.train_batch_size, self.args.seed)


class DistillTrainer(AnswerTrainer):
    """Distillation with no teacher in memory: from the stored distributions, and from a cache of the teacher's hidden states."""

    def __init__(self, *arguments: Any, lesson: Lesson, cache: HiddenCache | None = None, **named: Any):
        self.lesson, self._cache = lesson, cache
        super().__init__(*arguments, **named)
        self._add_projections(lesson)

    def _add_projections(self, lesson: Lesson) -> None:
        """Put the projections into the model, where optimizer and accelerate find them; an adapter that is saved leaves them out."""
        if lesson.layers:
            width = self._base.config.get_text_config().hidden_size
            made = projections(width, lesson.teacher_width, len(lesson.layers), self.args.seed)
            self._base.hidden_projections = made.to(self._base.device)

    def objective(self, inputs: dict[str, torch.Tensor], step: int) -> Objective:
        assert self.lesson is not None
        settings, now = self.lesson.settings, moment(self.lesson.settings, step, self.lesson.stored_k)
        targets = inputs["labels"][:, 1:]
        own = "own" in inputs
        device = targets.device
        return Objective(
            targets,
            targets != IGNORED,
            spans(targets.shape, inputs["call_start"] - 1, inputs["call_length"]),
            self.known(inputs, now),
            now,
            settings.tail,
            settings.beta,
            settings.hidden.loss if settings.hidden else "cosine",
            [student for student, _ in self.lesson.layers],
            getattr(self._base, "hidden_projections", ()),
            torch.Generator(device).manual_seed(self.args.seed * 1_000_003 + step) if now.random_k else None,
            answers=not own,
        )

    def known(self, inputs: dict[str, torch.Tensor], now: Moment) -> Known:
        """Return what is known of the teacher at the calls of a batch."""
        assert self.lesson is not None
        layers: list[torch.Tensor] = []
        if self._cache is not None:
            device, rows = inputs["labels"].device, inputs["row"].tolist()
            if now.hidden_weight > 0:
                layers = [self._cache.states(file, rows).to(device) for file in range(1, 1 + len(self.lesson.layers))]
            if now.top_k is None:
                return Known(hidden=self._cache.states(0, rows).to(device), head=self._cache.head.to(device), layers=layers)
        return Known(inputs["topk_ids"], inputs["topk_logprobs"], layers=layers)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        weights = self._projection_weights()
        if weights and self.args.should_save:
            save_file(weights, Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}" / _PROJECTIONS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        if self._projection_weights():
            self._base.hidden_projections.load_state_dict(load_file(Path(resume_from_checkpoint) / _PROJECTIONS))

    def _projection_weights(self) -> dict[str, torch.Tensor]:
        return dict(getattr(self._base, "hidden_projections", nn.ModuleList()).state_dict())


class TeacherTrainer(DistillTrainer, GKDTrainer):
    """GKD beside a teacher in memory, which reads the prompt that it generated with where the student reads the bare question.

    The two sequences end in the same tokens. With probability `on_policy` a step's calls are written by the student itself (Agarwal et al.,
    2023, arXiv 2306.13649, algorithm 1, where it is lambda): sampled at temperature 1 from the question and the call's opening, up to the
    tag that closes it; nothing but the divergence is learnt there.
    """

    def __init__(self, *arguments: Any, teacher_model: Any, closing: Sequence[int], **named: Any):
        self._closing = list(closing)
        with _same_vocabulary(named["model"], teacher_model):
            super().__init__(*arguments, teacher_model=teacher_model, **named)

    def training_step(self, model: Any, inputs: dict[str, torch.Tensor], num_items_in_batch: Any = None) -> torch.Tensor:
        assert self.lesson is not None
        chance = random.Random(f"{self.args.seed} {self.state.global_step}").random()
        # TRL draws for itself, from a state that the step's number does not fix: it is left no choice.
        self.lmbda = 1.0 if chance < self.lesson.settings.on_policy else -1.0
        return super().training_step(model, inputs, num_items_in_batch)

    def generate_on_policy_outputs(self, model: Any, inputs: dict[str, Any], generation_config: Any) -> tuple[torch.Tensor, ...]:
        """Let the student write the calls of a batch; return input_ids, attention_mask and labels, and put the rest into `inputs`."""
        device, collator = inputs["input_ids"].device, self.data_collator
        starts = inputs["call_start"].tolist()
        prompts = [ids[:start] for ids, start in zip(inputs["input_ids"].tolist(), starts, strict=True)]
        asked = {
            name: tensor.to(device) for name, tensor in collator.padded("prompts", "prompt_attention_mask", prompts, left=True).items()
        }
        with torch.random.fork_rng():
            torch.manual_seed(self.args.seed * 1_000_003 + self.state.global_step)
            written, mask, _ = GKDTrainer.generate_on_policy_outputs(model, asked, generation_config)
        width = asked["prompts"].shape[1]
        calls = [self._call(ids[shown.bool()].tolist()) for ids, shown in zip(written[:, width:], mask[:, width:], strict=True)]
        before = inputs["teacher_attention_mask"].sum(1) - inputs["call_length"]
        taught = [[*ids[:length], *call] for ids, length, call in zip(inputs["teacher_ids"].tolist(), before.tolist(), calls, strict=True)]
        made = collator.padded("input_ids", "attention_mask", [prompt + call for prompt, call in zip(prompts, calls, strict=True)])
        made |= collator.padded("teacher_ids", "teacher_attention_mask", taught)
        inputs |= {name: tensor.to(device) for name, tensor in made.items()}
        inputs |= {"call_length": torch.tensor([len(call) for call in calls], device=device), "own": torch.tensor(True)}
        labels = inputs["input_ids"].masked_fill(~spans(inputs["input_ids"].shape, inputs["call_start"], inputs["call_length"]), IGNORED)
        return inputs["input_ids"], inputs["attention_mask"], labels

    def _call(self, written: list[int]) -> list[int]:
        """Return the tokens before the tag that closes the call, or before the end of the turn."""
        for end in range(len(written)):
            if written[end : end + len(self._closing)] == self._closing:
                return written[:end]
        stops = self.generation_config.eos_token_id
        return written[:-1] if written and written[-1] in (stops if isinstance(stops, list) else [stops]) else written

    def known(self, inputs: dict[str, torch.Tensor], now: Moment) -> Known:
        assert self.lesson is not None
        if now.top_k is not None and now.hidden_weight == 0:
            return Known(inputs["topk_ids"], inputs["topk_logprobs"])
        ids, mask, lengths = inputs["teacher_ids"], inputs["teacher_attention_mask"], inputs["call_length"]
        predicted = spans((ids.shape[0], ids.shape[1] - 1), mask.sum(1) - lengths - 1, lengths)
        in_call = spans((ids.shape[0], inputs["labels"].shape[1] - 1), inputs["call_start"] - 1, lengths)
        if not torch.equal(ids[:, 1:][predicted], inputs["labels"][:, 1:][in_call]):
            raise FactoryError(
                "the teacher's and the student's tokens of a call differ", "This is a fault of the program: please report it."
            )
        teacher = self.accelerator.unwrap_model(self.teacher_model).eval()
        with torch.no_grad():
            output = teacher.get_decoder()(
                input_ids=ids, attention_mask=mask, use_cache=False, output_hidden_states=now.hidden_weight > 0, return_dict=True
            )
        layers = [output.hidden_states[layer][:, :-1][predicted] for _, layer in self.lesson.layers] if now.hidden_weight > 0 else []
        if now.top_k is not None:
            return Known(inputs["topk_ids"], inputs["topk_logprobs"], layers=layers)
        return Known(hidden=output.last_hidden_state[:, :-1][predicted], head=Head.of(teacher), layers=layers)


def gkd_config(settings: Distill, max_new_tokens: int, **arguments: Any) -> GKDConfig:
    """Return TRL's configuration; what it says of the loss is not read here (see `Lesson`)."""
    return GKDConfig(
        lmbda=settings.on_policy, beta=settings.beta, temperature=1.0, max_new_tokens=max_new_tokens, disable_dropout=False, **arguments
    )


@contextmanager
def _same_vocabulary(student: Any, teacher: Any) -> Iterator[None]:
    """Let the teacher say, while GKDTrainer looks, that its vocabulary is as large as the student's: padded ones differ, and the loss
    compares what both have."""
    config, student_config = teacher.config.get_text_config(), student.config.get_text_config()
    size = config.vocab_size
    config.vocab_size = student_config.vocab_size
    try:
        yield
    finally:
        config.vocab_size = size
