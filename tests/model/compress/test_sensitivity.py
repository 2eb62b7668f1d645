"""Mixed precision: what is measured is the divergence of the formula, and the budget is kept with the least
of it."""

from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st

from factory.compress.sensitivity import Unit, four_bits, lowered, sensitivities, units
from tests.support import tiny

IDS = [[3, 17, 42, 8, 99, 5, 61], [11, 2, 90, 33]]


def _model() -> Any:
    return tiny.model(4, width=64)


def test_a_unit_is_what_runs_as_one_matrix() -> None:
    found = units(_model())
    assert [len(unit.modules) for unit in found] == [3, 1, 2, 1] * 2
    assert found[0].modules[0] == "model.layers.0.self_attn.q_proj"
    assert found[0].weights == 64 * 64 + 2 * 32 * 64


def test_the_divergence_is_that_of_the_formula_and_nothing_is_changed() -> None:
    model = _model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = sensitivities(model, IDS, 16)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    rounded = _model()
    with torch.no_grad():
        for name in ("gate_proj", "up_proj"):
            layer = getattr(rounded.model.layers[1].mlp, name)
            layer.weight.copy_(four_bits(layer.weight, 16))
    kl = []
    for ids in IDS:
        p, q = (tiny.logits(one, ids).log_softmax(1) for one in (model, rounded))
        kl.append((p.exp() * (p - q)).sum(1))
    assert found[6] == pytest.approx(float(torch.cat(kl).mean()), rel=1e-3)
    assert all(value > 0 for value in found)


def test_rounding_is_exact_where_it_can_be() -> None:
    steps = torch.arange(-8, 8).repeat(3, 2).float() * 0.25
    steps[:, 0] = steps[:, 16] = -7.5 * 0.25
    rounded = four_bits(steps, 16)
    assert torch.equal(rounded[:, 1:16], steps[:, 1:16])
    assert torch.equal(four_bits(torch.zeros(2, 32), 16), torch.zeros(2, 32))


parts = st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 5)), min_size=1, max_size=24)


@given(parts=parts, bits=st.floats(4, 8))
def test_a_budget_in_bits_is_kept_by_the_cheapest(parts: list[tuple[int, float]], bits: float) -> None:
    found = [Unit((str(i),), weights) for i, (weights, _) in enumerate(parts)]
    kl = [value for _, value in parts]
    chosen = lowered(found, kl, bits=bits, max_kl=None)
    total = sum(unit.weights for unit in found)
    mean = 8 - 4 * sum(unit.weights for unit in chosen) / total
    assert mean <= bits + 1e-9
    if chosen:
        # One fewer would not have done.
        assert 8 - 4 * sum(unit.weights for unit in chosen[:-1]) / total > bits
    price = {unit.modules: value / unit.weights for unit, value in zip(found, kl, strict=True)}
    others = [unit for unit in found if unit not in chosen]
    assert all(price[a.modules] <= price[b.modules] for a in chosen for b in others)


@given(parts=parts, most=st.floats(0, 10))
def test_a_budget_in_nats_is_kept(parts: list[tuple[int, float]], most: float) -> None:
    found = [Unit((str(i),), weights) for i, (weights, _) in enumerate(parts)]
    kl = {unit.modules: value for unit, (_, value) in zip(found, parts, strict=True)}
    chosen = lowered(found, list(kl.values()), bits=None, max_kl=most)
    assert sum(kl[unit.modules] for unit in chosen) <= most + 1e-9
