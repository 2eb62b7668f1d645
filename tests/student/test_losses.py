"""Each loss against a dense float64 reference written from its formula."""

import pytest

torch = pytest.importorskip("torch")

from factory.student.losses import cross_entropy, divergence  # noqa: E402

pytestmark = pytest.mark.model


def _reference_divergence(student, teacher, beta: float, temperature: float) -> float:
    total = 0.0
    for s_row, t_row in zip(student.double() / temperature, teacher.double() / temperature, strict=True):
        s, t = torch.softmax(s_row, 0), torch.softmax(t_row, 0)
        if beta == 0:
            total += float((t * (t / s).log()).sum())
        elif beta == 1:
            total += float((s * (s / t).log()).sum())
        else:
            mixture = beta * t + (1 - beta) * s
            total += float(beta * (t * (t / mixture).log()).sum() + (1 - beta) * (s * (s / mixture).log()).sum())
    return total / len(student)


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.5])
def test_divergence_is_the_formula(beta: float, temperature: float) -> None:
    torch.manual_seed(3)
    student, teacher = torch.randn(7, 11) * 3, torch.randn(7, 11) * 3
    got = float(divergence(student, teacher, beta=beta, temperature=temperature))
    assert got == pytest.approx(_reference_divergence(student, teacher, beta, temperature), abs=1e-5)


def test_divergence_of_equal_distributions_is_nothing() -> None:
    logits = torch.randn(4, 9)
    for beta in (0.0, 0.5, 1.0):
        assert float(divergence(logits, logits + 5, beta=beta, temperature=1.0)) == pytest.approx(0, abs=1e-6)


def test_divergence_has_the_gradient_of_its_formula() -> None:
    torch.manual_seed(4)
    student, teacher = torch.randn(5, 8, requires_grad=True), torch.randn(5, 8)
    divergence(student, teacher, beta=0.0, temperature=1.0).backward()
    expected = (torch.softmax(student.detach().double(), 1) - torch.softmax(teacher.double(), 1)) / 5
    assert torch.allclose(student.grad.double(), expected, atol=1e-6)


def test_cross_entropy_is_the_mean_negative_log_likelihood() -> None:
    torch.manual_seed(5)
    logits, targets = torch.randn(6, 10), torch.randint(0, 10, (6,))
    expected = -sum(float(torch.log_softmax(row.double(), 0)[target]) for row, target in zip(logits, targets, strict=True)) / 6
    assert float(cross_entropy(logits, targets)) == pytest.approx(expected, abs=1e-6)
