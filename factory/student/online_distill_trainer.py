"""Distillation with the teacher in memory (GKD): the teacher reads a prompt of its own, and the student may
write on-policy."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from trl.experimental.gkd import GKDTrainer

from factory.errors import FactoryError
from factory.student.batch import marked, spans
from factory.student.comparison import TeacherSignal
from factory.student.distill_trainer import DistillTrainer
from factory.student.losses.head import Head
from factory.student.step_settings import StepSettings
from factory.tasks.rows import IGNORED


class OnlineDistillTrainer(DistillTrainer, GKDTrainer):
    """GKD beside a teacher in memory, which reads the prompt that it generated with where the student reads
    the bare question.

    The two sequences end in the same tokens. With probability `on_policy` the student itself writes what the
    teacher wrote (Agarwal et al., 2023, arXiv 2306.13649, algorithm 1, where it is lambda): sampled at
    temperature 1 from all tokens before, up to the tag `closing` that ends a call, or without one to the
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
        known = bool(self._over_processes(inputs["teacher_mask"].any().double()))
        self.lmbda = 1.0 if known and chance < self.spec.settings.on_policy else -1.0
        return super().training_step(model, inputs, num_items_in_batch)

    def generate_on_policy_outputs(
        self, model: Any, inputs: dict[str, Any], generation_config: Any
    ) -> tuple[torch.Tensor, ...]:
        """Let the student write in the teacher's place; return input_ids, attention_mask and labels, and put
        the rest into `inputs`."""
        device, collator = inputs["input_ids"].device, self.data_collator
        rows, taught = inputs["input_ids"].tolist(), self._chosen(inputs)
        # A row that the teacher wrote nothing of is asked in vain.
        starts = [taught[row][1] if row in taught else 1 for row in range(len(rows))]
        prompts = [ids[:start] for ids, start in zip(rows, starts, strict=True)]
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
            self._words(ids[shown.bool()].tolist()) if row in taught else []
            for row, (ids, shown) in enumerate(zip(written[:, width:], mask[:, width:], strict=True))
        ]
        read = inputs["teacher_attention_mask"].sum(1).tolist()
        known = [
            [*inputs["teacher_ids"][span][: read[span] - length].tolist(), *own[row]]
            for row, (span, _, length) in taught.items()
        ]
        known = known or [rows[0][:1]]
        places = [[row, starts[row], len(own[row])] for row in taught] or [[0, 1, 0]]
        made = collator.padded(
            "input_ids",
            "attention_mask",
            [prompt + words for prompt, words in zip(prompts, own, strict=True)],
        )
        made |= collator.padded("teacher_ids", "teacher_attention_mask", known)
        inputs |= {name: tensor.to(device) for name, tensor in made.items()}
        inputs |= {"spans": torch.tensor(places, device=device), "own": torch.tensor(True)}
        inputs["teacher_mask"] = marked(inputs["input_ids"].shape, inputs["spans"])
        labels = inputs["input_ids"].masked_fill(~inputs["teacher_mask"], IGNORED)
        return inputs["input_ids"], inputs["attention_mask"], labels

    def _chosen(self, inputs: dict[str, Any]) -> dict[int, tuple[int, int, int]]:
        """Return for each row one of the spans that the teacher wrote: its number, start and length."""
        found: dict[int, list[tuple[int, int, int]]] = {}
        for number, (row, start, length) in enumerate(inputs["spans"].tolist()):
            if length:
                found.setdefault(row, []).append((number, start, length))
        chance = random.Random(f"{self.args.seed} {self.state.global_step} span")
        return {row: chance.choice(spans) for row, spans in found.items()}

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
        ids, mask, lengths = inputs["teacher_ids"], inputs["teacher_attention_mask"], inputs["spans"][:, 2]
        predicted = spans((ids.shape[0], ids.shape[1] - 1), mask.sum(1) - lengths - 1, lengths)
        known = inputs["teacher_mask"]
        if not torch.equal(ids[:, 1:][predicted], inputs["input_ids"][known]):
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


@contextmanager
def _same_vocabulary(student: Any, teacher: Any) -> Iterator[None]:
    """Give the teacher's configuration the student's vocabulary size while GKDTrainer compares them: padded
    ones differ, and the loss compares what both have."""
    config, student_config = teacher.config.get_text_config(), student.config.get_text_config()
    size = config.vocab_size
    config.vocab_size = student_config.vocab_size
    try:
        yield
    finally:
        config.vocab_size = size
