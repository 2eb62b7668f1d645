"""Losses on whole distributions against a dense float64 reference written from the formula."""

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from factory.student.losses.dense import cross_entropy, divergence  # noqa: E402


def _reference(student, teacher, beta: float, temperature: float) -> list[float]:
    common = min(student.shape[1], teacher.shape[1])
    found = []
    for s_row, t_row in zip(
        student[:, :common].double() / temperature, teacher[:, :common].double() / temperature, strict=True
    ):
        s, t = torch.softmax(s_row, 0), torch.softmax(t_row, 0)
        if beta == 0:
            kl = (t * (t / s).log()).sum()
        elif beta == 1:
            kl = (s * (s / t).log()).sum()
        else:
            mixture = beta * t + (1 - beta) * s
            kl = beta * (t * (t / mixture).log()).sum() + (1 - beta) * (s * (s / mixture).log()).sum()
        found.append(float(kl) * temperature**2)
    return found


@settings(max_examples=60)
@given(
    n=st.integers(1, 6),
    vocabulary=st.integers(2, 12),
    padding=st.integers(-1, 3),
    beta=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    temperature=st.sampled_from([0.5, 1.0, 2.0, 4.0]),
    seed=st.integers(0, 1000),
)
def test_divergence_is_the_formula(
    n: int, vocabulary: int, padding: int, beta: float, temperature: float, seed: int
) -> None:
    torch.manual_seed(seed)
    student, teacher = torch.randn(n, vocabulary) * 2, torch.randn(n, max(vocabulary + padding, 1)) * 2
    got = divergence(student, teacher, beta=beta, temperature=temperature)
    assert got.tolist() == pytest.approx(_reference(student, teacher, beta, temperature), abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("padding", [-2, 0, 3])
def test_divergence_has_its_gradient(beta: float, padding: int) -> None:
    torch.manual_seed(1)
    student, teacher = (
        torch.randn(3, 7, dtype=torch.double, requires_grad=True),
        torch.randn(3, 7 + padding, dtype=torch.double),
    )
    assert torch.autograd.gradcheck(
        lambda logits: divergence(logits, teacher, beta=beta, temperature=1.7), student
    )


def test_the_gradient_keeps_its_size_when_the_temperature_is_high() -> None:
    torch.manual_seed(2)
    teacher = torch.randn(4, 9, dtype=torch.double)
    sizes = []
    for temperature in (10.0, 100.0):
        student = torch.zeros(4, 9, dtype=torch.double, requires_grad=True)
        divergence(student, teacher, beta=0.0, temperature=temperature).sum().backward()
        sizes.append(float(student.grad.norm()))
    assert sizes[1] == pytest.approx(sizes[0], rel=0.1)


def test_divergence_of_equal_distributions_is_nothing() -> None:
    logits = torch.randn(4, 9, dtype=torch.double)
    for beta in (0.0, 0.5, 1.0):
        assert divergence(logits, logits + 5, beta=beta, temperature=3.0).tolist() == pytest.approx(
            [0] * 4, abs=1e-12
        )


def test_cross_entropy_is_the_negative_log_likelihood() -> None:
    torch.manual_seed(5)
    logits, targets = torch.randn(6, 10, dtype=torch.double, requires_grad=True), torch.randint(0, 10, (6,))
    expected = [
        -torch.log_softmax(row, 0)[target].item() for row, target in zip(logits, targets, strict=True)
    ]
    assert cross_entropy(logits.float(), targets).tolist() == pytest.approx(expected, abs=1e-6)
    assert torch.autograd.gradcheck(lambda these: cross_entropy(these, targets), logits)
