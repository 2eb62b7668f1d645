"""What the trainers compute on padded batches, against the same thing computed row by row without padding, in float64."""

import random

import pytest

torch = pytest.importorskip("torch")

from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

from factory.student.rows import IGNORED  # noqa: E402
from factory.student.trainers import AnswerTrainer, Collator, ContextDistillationTrainer  # noqa: E402

pytestmark = pytest.mark.model

VOCABULARY = 50


def _model(seed: int, layers: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=layers, num_attention_heads=2, num_key_value_heads=1
    )
    return LlamaForCausalLM(config).eval()


def _row(chance: random.Random) -> dict:
    def tokens(low: int, high: int) -> list[int]:
        return [chance.randrange(3, VOCABULARY) for _ in range(chance.randrange(low, high))]

    prompt, opening, call, closing, between, answer = tokens(2, 6), tokens(1, 3), tokens(2, 7), tokens(1, 3), tokens(1, 5), tokens(1, 4)
    ids = prompt + opening + call + closing + between + answer
    labels = [IGNORED] * len(prompt) + opening + call + closing + [IGNORED] * len(between) + answer
    return {
        "input_ids": ids,
        "labels": labels,
        "call_start": len(prompt) + len(opening),
        "call_length": len(call),
        "teacher_ids": tokens(5, 15) + call,
    }


def _reference(student, teacher, rows: list[dict], weight: float, temperature: float) -> tuple[float, float, float]:
    nll, kl, learnt, in_call = 0.0, 0.0, 0, 0
    for row in rows:
        logits = student(torch.tensor([row["input_ids"]])).logits[0].double()
        other = teacher(torch.tensor([row["teacher_ids"]])).logits[0].double()
        for position, label in enumerate(row["labels"]):
            if label != IGNORED:
                nll -= float(torch.log_softmax(logits[position - 1], 0)[label])
                learnt += 1
        offset = len(row["teacher_ids"]) - row["call_length"]
        for i in range(row["call_length"]):
            t = torch.softmax(other[offset + i - 1] / temperature, 0)
            s = torch.log_softmax(logits[row["call_start"] + i - 1] / temperature, 0)
            kl += float((t * (t.log() - s)).sum()) * temperature**2
            in_call += 1
    return weight * kl / in_call + (1 - weight) * nll / learnt, nll / learnt, kl / in_call


@pytest.mark.parametrize("seed", range(5))
def test_context_distillation_is_the_formula_whatever_the_padding(seed: int) -> None:
    chance = random.Random(seed)
    rows = [_row(chance) for _ in range(5)]
    student, teacher = _model(1, 2), _model(2, 3)
    trainer = ContextDistillationTrainer.__new__(ContextDistillationTrainer)
    trainer.teacher_model, trainer.beta = teacher, 0.0
    trainer._weight, trainer._loss_temperature = 0.6, 1.7
    trainer._parts = {"cross_entropy": [], "divergence": []}
    with torch.no_grad():
        loss = trainer.compute_loss(student, Collator(0, with_teacher=True)(rows))
        expected, nll, kl = _reference(student, teacher, rows, 0.6, 1.7)
    assert float(loss) == pytest.approx(expected, abs=1e-4)
    assert trainer._parts["cross_entropy"] == [pytest.approx(nll, abs=1e-4)]
    assert trainer._parts["divergence"] == [pytest.approx(kl, abs=1e-4)]


def test_tokens_that_differ_are_refused() -> None:
    row = _row(random.Random(1))
    row["teacher_ids"][-1] = (row["teacher_ids"][-1] + 1) % VOCABULARY
    trainer = ContextDistillationTrainer.__new__(ContextDistillationTrainer)
    trainer.teacher_model = _model(2, 2)
    with pytest.raises(ValueError, match="differ"):
        trainer.compute_loss(_model(1, 2), Collator(0, with_teacher=True)([row]))


def test_sft_is_cross_entropy_on_the_assistants_tokens_alone() -> None:
    rows = [_row(random.Random(seed)) for seed in range(4)]
    student = _model(1, 2)
    trainer = AnswerTrainer.__new__(AnswerTrainer)
    with torch.no_grad():
        loss = trainer.compute_loss(student, Collator(0, with_teacher=False)(rows))
        _, nll, _ = _reference(student, _model(2, 2), rows, 0.0, 1.0)
    assert float(loss) == pytest.approx(nll, abs=1e-4)
