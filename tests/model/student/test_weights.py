"""Tokens that count more than others: the objective equals the weighted means of the formula, in float64,
gradients too."""

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.recipe.training import Sft
from factory.student.balance import Balance
from factory.student.comparison import Comparison, TeacherSignal
from factory.student.losses.head import Head
from factory.student.objective import Objective
from factory.student.stage_trainers import weighted
from factory.student.step_settings import StepSettings
from factory.tasks.rows import IGNORED, TrainingRow

VOCABULARY, WIDTH, LENGTH = 11, 5, 7


def _batch(seed: int, rows: int) -> dict[str, Any]:
    chance = torch.Generator().manual_seed(seed)

    def numbers(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=chance, dtype=torch.float64)

    shape = (rows, LENGTH - 1)
    learnt = torch.rand(shape, generator=chance) < 0.6
    return {
        "hidden": numbers(rows, LENGTH, WIDTH).requires_grad_(),
        "head": numbers(VOCABULARY, WIDTH).requires_grad_(),
        "teacher": numbers(rows, LENGTH - 1, VOCABULARY).log_softmax(2),
        "targets": torch.randint(0, VOCABULARY, shape, generator=chance).masked_fill(~learnt, IGNORED),
        "loss_mask": learnt,
        "teacher_mask": learnt & (torch.rand(shape, generator=chance) < 0.5),
        "weights": torch.rand(shape, generator=chance, dtype=torch.float64) * 3 + 0.1,
    }


def _ours(
    batch: dict[str, Any], weights: torch.Tensor | None, weight: float, balance: Balance | None = None
) -> torch.Tensor:
    taught = batch["teacher_mask"]
    top = batch["teacher"][taught].topk(VOCABULARY, dim=1)
    objective = Objective(
        batch["targets"],
        batch["loss_mask"],
        taught,
        TeacherSignal(top.indices, top.values),
        Comparison(StepSettings(0, VOCABULARY, None, 1.0, weight, 0.0), "renormalize"),
        balance or Balance(),
        weights=weights,
    )
    total, _ = objective(SimpleNamespace(last_hidden_state=batch["hidden"]), Head(batch["head"]))
    return total


def _means(batch: dict[str, Any], weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    logprobs = (batch["hidden"][:, :-1] @ batch["head"].T).log_softmax(2)
    w, learnt, taught = weights, batch["loss_mask"], batch["teacher_mask"]
    nll = -logprobs.gather(2, batch["targets"].clamp(min=0)[..., None])[..., 0]
    kl = (batch["teacher"].exp() * (batch["teacher"] - logprobs)).sum(2)
    entropy = (w * nll)[learnt].sum() / w[learnt].sum() if learnt.any() else logprobs.sum() * 0
    divergence = (w * kl)[taught].sum() / w[taught].sum() if taught.any() else logprobs.sum() * 0
    return entropy, divergence


def _reference(batch: dict[str, Any], weights: torch.Tensor, weight: float) -> torch.Tensor:
    entropy, divergence = _means(batch, weights)
    return (1 - weight) * entropy + weight * divergence


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 4),
    weight=st.sampled_from([0.0, 0.3, 1.0]),
    bound=st.sampled_from([None, 0.2, 1.0, 50.0]),
    means=st.sampled_from([{}, {"cross_entropy": 0.02, "divergence": 0.3}, {"cross_entropy": 3.0}]),
)
def test_cross_entropy_counts_whole_and_bounds_what_is_added(
    seed: int, rows: int, weight: float, bound: float | None, means: dict[str, float]
) -> None:
    batch = _batch(seed, rows)
    entropy, divergence = _means(batch, batch["weights"])
    answers = means.get("cross_entropy", float(entropy.detach()))
    value = means.get("divergence", float(divergence.detach()))
    counts = weight if bound is None or value == 0 else min(weight, bound * answers / value)
    ours = _ours(batch, batch["weights"], weight, Balance("add", bound, means))
    wanted = entropy + counts * divergence
    torch.testing.assert_close(ours, wanted, rtol=1e-9, atol=1e-9)
    names = ("hidden", "head")
    found = torch.autograd.grad(ours, [batch[name] for name in names])
    right = torch.autograd.grad(wanted, [batch[name] for name in names])
    for mine, other in zip(found, right, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-7, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 4), weight=st.sampled_from([0.0, 0.3, 1.0]))
def test_weighted_means_are_those_of_the_formula(seed: int, rows: int, weight: float) -> None:
    batch = _batch(seed, rows)
    ours, wanted = _ours(batch, batch["weights"], weight), _reference(batch, batch["weights"], weight)
    torch.testing.assert_close(ours, wanted, rtol=1e-9, atol=1e-9)
    names = ("hidden", "head")
    found = torch.autograd.grad(ours, [batch[name] for name in names])
    right = torch.autograd.grad(wanted, [batch[name] for name in names])
    for mine, other in zip(found, right, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-7, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.floats(0.1, 50))
def test_one_weight_for_all_changes_nothing(seed: int, factor: float) -> None:
    batch = _batch(seed, 3)
    same = torch.full_like(batch["weights"], factor)
    torch.testing.assert_close(_ours(batch, same, 0.4), _ours(batch, None, 0.4), rtol=1e-9, atol=1e-12)


def test_a_row_says_what_its_tokens_count() -> None:
    row = TrainingRow("b2:1", [5, 6, 7, 8, 9], [IGNORED, 6, 7, 8, 9], (), "rationale", 0.5, calls=((2, 2),))
    assert row.weights(3.0) == [0.5, 0.5, 1.5, 1.5, 0.5]


def test_where_all_count_the_same_no_weight_is_handed_on() -> None:
    row = TrainingRow("b2:1", [5, 6], [IGNORED, 6], calls=((1, 1),))
    plain = Sft(steps=1)
    assert weighted([{}], [row], plain) == [{}]
    assert weighted([{}], [row], Sft(steps=1, call_weight=2.0)) == [{"weights": [1.0, 2.0]}]
