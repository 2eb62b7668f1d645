"""TRL's trainers with what they lack: logits at the loss positions only and in blocks, a teacher with a
prompt of its own or none at all, phases, cross-entropy beside the divergence, temperature in the loss, hidden
states, padded vocabularies.

Promise: everything that a step does follows from settings, seed and the step's number, and what is learnt
beside the student (the projections) is in the checkpoints: a run that goes on from one is the run that was
never interrupted. A loss that is no number stops it.
"""

import math
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import EarlyStoppingCallback, TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from trl import SFTTrainer
from trl.experimental.gkd import GKDConfig, GKDTrainer

from factory.errors import FactoryError
from factory.recipe.distill import Distill
from factory.student.batch import LengthGroups, spans
from factory.student.cache import HiddenCache
from factory.student.losses.head import Head
from factory.student.losses.layers import projections
from factory.student.objective import Objective, TeacherSignal, take_objectives
from factory.student.schedule import StepSettings, step_settings
from factory.student.validation import Agreement, numbers
from factory.tasks.rows import IGNORED

_PROJECTIONS = "projections.safetensors"


@dataclass(frozen=True)
class DistillSpec:
    """What a stage of distillation is to learn: its settings, how many tokens are stored at a position, which
    layers meet (student's, teacher's), and the teacher's width."""

    settings: Distill
    stored_k: int
    layers: Sequence[tuple[int, int]] = ()
    teacher_width: int = 0


class SftTrainer(SFTTrainer):
    """SFT on the assistant's tokens alone."""

    spec: DistillSpec | None = None
    control: Any

    def __init__(self, *arguments: Any, **named: Any):
        self._since: float | None = None
        self._tokens = 0
        super().__init__(*arguments, **named)
        take_objectives(self._base)

    def run(self, resumed: Path | None) -> None:
        """Train to the end, from a checkpoint where there is one."""
        if resumed is None or not self._is_over(
            state := TrainerState.load_from_json(str(resumed / TRAINER_STATE_NAME))
        ):
            self.train(resume_from_checkpoint=str(resumed) if resumed else None)
            return
        # Killed after the last step and before the student was written: Trainer would take more.
        self.state = state
        self._load_from_checkpoint(str(resumed))
        if self.args.load_best_model_at_end:
            self.state.best_model_checkpoint = str(resumed.parent / f"checkpoint-{state.best_global_step}")
            self._load_best_model()

    def _is_over(self, state: TrainerState) -> bool:
        waiting = state.stateful_callbacks.get(EarlyStoppingCallback.__name__)
        waited = (
            bool(waiting)
            and waiting["attributes"]["early_stopping_patience_counter"]
            >= waiting["args"]["early_stopping_patience"]
        )
        return state.global_step >= self.args.max_steps or waited

    def finished(self) -> Any:
        """Return the trained model without what was only there for training."""
        vars(self._base).pop("forward", None)
        return self.model

    def logged(self, metrics: Sequence[str]) -> list[dict[str, Any]]:
        """Return what was logged of these metrics: step, metric, value."""
        return [
            {"step": entry["step"], "metric": metric, "value": float(entry[metric])}
            for entry in self.state.log_history
            for metric in metrics
            if metric in entry
        ]

    @property
    def _base(self) -> Any:
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def objective(self, inputs: dict[str, torch.Tensor], step: int) -> Objective:
        """Return the loss of a batch at a step, counted from 0."""
        targets = inputs["labels"][:, 1:]
        return Objective(
            targets, targets != IGNORED, weights=_weights(inputs), over_processes=self._over_processes
        )

    def agreement(self, inputs: dict[str, torch.Tensor]) -> Agreement:
        """Return what is looked at of a batch that was set aside: nothing is known of a teacher."""
        targets = inputs["labels"][:, 1:]
        return Agreement(
            targets, targets != IGNORED, torch.zeros_like(targets, dtype=torch.bool), TeacherSignal()
        )

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Look at the samples that were set aside, and return the numbers of `factory.student.validation`."""
        self.model.eval()
        sums = torch.zeros(5, dtype=torch.float64, device=self.accelerator.device)
        for batch in self.get_eval_dataloader(eval_dataset):
            inputs = self._prepare_inputs(batch)
            with torch.no_grad():
                found = self.model(
                    input_ids=inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    objective=self.agreement(inputs),
                )
            sums += found.to(sums.device)
        seen = numbers(self.accelerator.reduce(sums, "sum"))
        if not all(map(math.isfinite, seen.values())):
            told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in seen.items())
            raise FactoryError(
                f"step {self.state.global_step}: what the student says of the samples set aside is no number ({told})",
                "Lower the learning rate, or write precision: float32; then run the same command again.",
            )
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in seen.items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.model.train()
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with the tokens that were read in a second since the log before."""
        if "loss" in logs and self._since is not None:
            now = time.monotonic()
            logs["tokens_per_s"] = (
                self._tokens * self.accelerator.num_processes / max(now - self._since, 1e-9)
            )
            self._since, self._tokens = now, 0
        super().log(logs, start_time)

    def _over_processes(self, own: torch.Tensor) -> Any:
        return self.accelerator.reduce(own, "mean")

    def _load_best_model(self) -> None:
        # Transformers' way would put a second adapter beside virtual tokens.
        weights = Path(self.state.best_model_checkpoint) / "adapter_model.safetensors"
        if weights.exists():
            set_peft_model_state_dict(self.model, load_file(weights))
        else:
            super()._load_best_model()

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> torch.Tensor:
        if self._since is None:
            self._since = time.monotonic()
        self._tokens += int(inputs["attention_mask"].sum())
        step = self.state.global_step
        objective = self.objective(inputs, step)
        total, parts = model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], objective=objective
        )
        # The mean over all processes, so that they all log the same and all stop at the same step.
        mean, *shares = self.accelerator.reduce(
            torch.stack([total.detach(), *parts.values()]), reduction="mean"
        ).tolist()
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
        return LengthGroups(
            [len(ids) for ids in dataset["input_ids"]], self.args.train_batch_size, self.args.seed
        )


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
            spans(targets.shape, inputs["taught_start"] - 1, inputs["taught_length"]),
            self.known(inputs, now),
            now,
            settings.tail,
            settings.beta,
            settings.hidden.loss if settings.hidden else "cosine",
            [student for student, _ in self.spec.layers],
            getattr(self._base, "hidden_projections", ()),
            torch.Generator(device).manual_seed(self.args.seed * 1_000_003 + step) if now.random_k else None,
            answers=not own,
            weights=None if own else _weights(inputs),
            over_processes=self._over_processes,
        )

    def agreement(self, inputs: dict[str, torch.Tensor]) -> Agreement:
        """Return what is looked at of a batch that was set aside, the teacher's whole distribution where it
        can be had."""
        assert self.spec is not None
        targets, settings = inputs["labels"][:, 1:], self.spec.settings
        now = StepSettings(
            0, self.spec.stored_k if settings.teacher == "stored" else None, None, 1.0, 1.0, 0.0
        )
        taught = spans(targets.shape, inputs["taught_start"] - 1, inputs["taught_length"])
        return Agreement(targets, targets != IGNORED, taught, self.known(inputs, now))

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


class OnlineDistillTrainer(DistillTrainer, GKDTrainer):
    """GKD beside a teacher in memory, which reads the prompt that it generated with where the student reads
    the bare question.

    The two sequences end in the same tokens. With probability `on_policy` the student itself writes what the
    teacher wrote (Agarwal et al., 2023, arXiv 2306.13649, algorithm 1, where it is lambda): sampled at
    temperature 1 from all that stands before, up to the tag `closing` that ends a call, or without one to the
    end of the turn; nothing but the divergence is learnt there. Rows that the teacher wrote nothing of have
    no part in such a step; a batch of them alone is learnt as it is.
    """

    def __init__(self, *arguments: Any, teacher_model: Any, closing: Sequence[int], **named: Any):
        self._closing = list(closing)
        with _same_vocabulary(named["model"], teacher_model):
            super().__init__(*arguments, teacher_model=teacher_model, **named)
        # TRL leaves the cache out with gradient checkpointing, which is off while it generates.
        self.generation_config.use_cache = self.generation_kwargs["use_cache"] = True

    def training_step(
        self, model: Any, inputs: dict[str, torch.Tensor], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        assert self.spec is not None
        chance = random.Random(f"{self.args.seed} {self.state.global_step}").random()
        # TRL draws for itself, from a state that the step's number does not fix: it is left no choice.
        known = bool(self._over_processes((inputs["taught_length"] > 0).any().double()))
        self.lmbda = 1.0 if known and chance < self.spec.settings.on_policy else -1.0
        return super().training_step(model, inputs, num_items_in_batch)

    def generate_on_policy_outputs(
        self, model: Any, inputs: dict[str, Any], generation_config: Any
    ) -> tuple[torch.Tensor, ...]:
        """Let the student write in the teacher's place; return input_ids, attention_mask and labels, and put
        the rest into `inputs`."""
        device, collator = inputs["input_ids"].device, self.data_collator
        starts = inputs["taught_start"].tolist()
        prompts = [ids[:start] for ids, start in zip(inputs["input_ids"].tolist(), starts, strict=True)]
        asked = {
            name: tensor.to(device)
            for name, tensor in collator.padded(
                "prompts", "prompt_attention_mask", prompts, left=True
            ).items()
        }
        # The student as it is, without dropout: in which mode the step before, or a checkpoint, left it must
        # not matter either.
        learning = model.training
        model.eval()
        with torch.random.fork_rng():
            torch.manual_seed(self.args.seed * 1_000_003 + self.state.global_step)
            written, mask, _ = GKDTrainer.generate_on_policy_outputs(model, asked, generation_config)
        model.train(learning)
        width = asked["prompts"].shape[1]
        own = [
            self._words(ids[shown.bool()].tolist()) if known else []
            for ids, shown, known in zip(
                written[:, width:], mask[:, width:], inputs["taught_length"].tolist(), strict=True
            )
        ]
        before = inputs["teacher_attention_mask"].sum(1) - inputs["taught_length"]
        taught = [
            [*ids[:length], *words]
            for ids, length, words in zip(inputs["teacher_ids"].tolist(), before.tolist(), own, strict=True)
        ]
        made = collator.padded(
            "input_ids",
            "attention_mask",
            [prompt + words for prompt, words in zip(prompts, own, strict=True)],
        )
        made |= collator.padded("teacher_ids", "teacher_attention_mask", taught)
        inputs |= {name: tensor.to(device) for name, tensor in made.items()}
        inputs |= {
            "taught_length": torch.tensor([len(words) for words in own], device=device),
            "own": torch.tensor(True),
        }
        labels = inputs["input_ids"].masked_fill(
            ~spans(inputs["input_ids"].shape, inputs["taught_start"], inputs["taught_length"]), IGNORED
        )
        return inputs["input_ids"], inputs["attention_mask"], labels

    def _words(self, written: list[int]) -> list[int]:
        """Return the tokens before the closing tag, or before the end of the turn; without a tag the end of
        the turn belongs to them."""
        if not self._closing:
            return written
        for end in range(len(written)):
            if written[end : end + len(self._closing)] == self._closing:
                return written[:end]
        stops = self.generation_config.eos_token_id
        return (
            written[:-1]
            if written and written[-1] in (stops if isinstance(stops, list) else [stops])
            else written
        )

    def known(self, inputs: dict[str, torch.Tensor], now: StepSettings) -> TeacherSignal:
        assert self.spec is not None
        if now.top_k is not None and now.hidden_weight == 0:
            return TeacherSignal(inputs["topk_ids"], inputs["topk_logprobs"])
        ids, mask, lengths = inputs["teacher_ids"], inputs["teacher_attention_mask"], inputs["taught_length"]
        predicted = spans((ids.shape[0], ids.shape[1] - 1), mask.sum(1) - lengths - 1, lengths)
        taught = spans((ids.shape[0], inputs["labels"].shape[1] - 1), inputs["taught_start"] - 1, lengths)
        if not torch.equal(ids[:, 1:][predicted], inputs["labels"][:, 1:][taught]):
            raise FactoryError(
                "the tokens that the teacher wrote differ from the student's",
                "This is a fault of the program: please report it.",
            )
        teacher = self.accelerator.unwrap_model(self.teacher_model).eval()
        with torch.no_grad():
            output = teacher.get_decoder()(
                input_ids=ids,
                attention_mask=mask,
                use_cache=False,
                output_hidden_states=now.hidden_weight > 0,
                return_dict=True,
            )
        layers = (
            [output.hidden_states[layer][:, :-1][predicted] for _, layer in self.spec.layers]
            if now.hidden_weight > 0
            else []
        )
        if now.top_k is not None:
            return TeacherSignal(inputs["topk_ids"], inputs["topk_logprobs"], layers=layers)
        return TeacherSignal(
            hidden=output.last_hidden_state[:, :-1][predicted], head=Head.of(teacher), layers=layers
        )


def _weights(inputs: dict[str, torch.Tensor]) -> torch.Tensor | None:
    return inputs["weights"][:, 1:] if "weights" in inputs else None


def gkd_config(settings: Distill, max_new_tokens: int, **arguments: Any) -> GKDConfig:
    """Return TRL's configuration; what it says of the loss is not read here (see `DistillSpec`)."""
    return GKDConfig(
        lmbda=settings.on_policy,
        beta=settings.beta,
        temperature=1.0,
        max_new_tokens=max_new_tokens,
        disable_dropout=False,
        **arguments,
    )


@contextmanager
def _same_vocabulary(student: Any, teacher: Any) -> Iterator[None]:
    """Let the teacher say, while GKDTrainer looks, that its vocabulary is as large as the student's: padded
    ones differ, and the loss compares what both have."""
    config, student_config = teacher.config.get_text_config(), student.config.get_text_config()
    size = config.vocab_size
    config.vocab_size = student_config.vocab_size
    try:
        yield
    finally:
        config.vocab_size = size
