"""Alignment of hidden states: the formulas, their gradients, and which layers meet."""

import pytest

torch = pytest.importorskip("torch")

from factory.student.losses.layers import Ridge, alignment, pairs, projections  # noqa: E402


def test_alignment_is_the_formula() -> None:
    torch.manual_seed(1)
    student, teacher = torch.randn(5, 6), torch.randn(5, 6)
    s, t = student.double(), teacher.double()
    cosine = [1 - float(a @ b / (a @ a).sqrt() / (b @ b).sqrt()) for a, b in zip(s, t, strict=True)]
    squared = [float(((a - b) ** 2).sum()) / 6 for a, b in zip(s, t, strict=True)]
    assert alignment(student, teacher, loss="cosine").tolist() == pytest.approx(cosine, abs=1e-5)
    assert alignment(student, teacher, loss="mse").tolist() == pytest.approx(squared, abs=1e-5)


@pytest.mark.parametrize("loss", ["cosine", "mse"])
def test_alignment_has_its_gradient_through_the_projection(loss) -> None:
    torch.manual_seed(2)
    student, teacher = (
        torch.randn(4, 3, dtype=torch.double, requires_grad=True),
        torch.randn(4, 5, dtype=torch.double),
    )
    (projection,) = projections(3, 5, 1, seed=0).double()
    weight = projection.weight
    assert torch.autograd.gradcheck(
        lambda states, _: alignment(projection(states), teacher, loss=loss), (student, weight)
    )


def test_layers_meet_at_the_same_depth() -> None:
    assert pairs([0.0, 0.5, 1.0], 12, 28) == [(0, 0), (6, 14), (12, 28)]


def test_equal_widths_need_no_projection_and_a_seed_makes_the_same_one() -> None:
    assert list(projections(8, 8, 2, seed=1).parameters()) == []
    first, again, other = (list(projections(8, 6, 2, seed=seed).parameters()) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_a_fitted_map_is_the_one_with_the_least_error() -> None:
    chance = torch.Generator().manual_seed(4)
    states = torch.randn(60, 5, generator=chance, dtype=torch.double)
    targets = torch.randn(60, 7, generator=chance, dtype=torch.double)
    fit = Ridge(5, 7, decay=1e-12)
    for start in (0, 25):
        fit.add(
            states[start : start + (25 if not start else 35)],
            targets[start : start + (25 if not start else 35)],
        )
    assert fit.seen == 60
    torch.testing.assert_close(
        fit.weight().T, torch.linalg.lstsq(states, targets).solution, rtol=1e-7, atol=1e-9
    )


def test_decay_is_what_the_ridge_formula_says_and_holds_what_few_rows_say() -> None:
    states, targets = torch.eye(4, dtype=torch.double)[:2], torch.ones(2, 3, dtype=torch.double)
    fit = Ridge(4, 3, decay=0.5)
    fit.add(states, targets)
    # Two rows of four dimensions: the mean square of a dimension is a half.
    torch.testing.assert_close(fit.weight()[:, :2], torch.full((3, 2), 1 / 1.25, dtype=torch.double))
    assert fit.weight()[:, 2:].abs().max() == 0
