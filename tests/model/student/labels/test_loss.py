"""The loss of a head is what a slow, exact computation in float64 says, for any weights, temperatures and
teachers that rule labels out."""

import math

import pytest

torch = pytest.importorskip("torch")

from factory.student.labels.loss import label_loss  # noqa: E402

LOGITS = [[2.0, -1.0, 0.5], [0.0, 0.0, 4.0], [-3.0, 1.0, 1.0]]
TEACHER = [[0.7, 0.2, 0.1], [0.0, 0.0, 1.0], [0.0, 0.5, 0.5]]
TARGETS, COUNTS = [0, 2, 1], [1.0, 0.5, 2.0]


def _softmax(values: list[float]) -> list[float]:
    shares = [math.exp(value - max(values)) for value in values]
    return [share / math.fsum(shares) for share in shares]


def _reference(weight: float, temperature: float) -> float:
    total = 0.0
    for row, teacher, target, count in zip(LOGITS, TEACHER, TARGETS, COUNTS, strict=True):
        crossed = -math.log(_softmax(row)[target])
        softened = [share ** (1 / temperature) for share in teacher]
        softened = [share / math.fsum(softened) for share in softened]
        student = _softmax([value / temperature for value in row])
        diverged = math.fsum(
            one * math.log(one / other) for one, other in zip(softened, student, strict=True) if one
        )
        total += count / sum(COUNTS) * ((1 - weight) * crossed + weight * temperature**2 * diverged)
    return total


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_the_loss_is_the_exact_one(weight: float, temperature: float) -> None:
    logits = torch.tensor(LOGITS, requires_grad=True)
    total, parts = label_loss(
        logits,
        torch.tensor(TARGETS),
        torch.tensor(COUNTS),
        torch.tensor(TEACHER),
        weight=weight,
        temperature=temperature,
    )
    assert float(total.detach()) == pytest.approx(_reference(weight, temperature), rel=1e-5)
    total.backward()
    assert torch.isfinite(logits.grad).all()
    assert set(parts) == {"cross_entropy", "divergence"}


def test_without_a_teacher_it_is_the_cross_entropy() -> None:
    total, parts = label_loss(torch.tensor(LOGITS), torch.tensor(TARGETS), torch.tensor(COUNTS))
    assert float(total) == pytest.approx(_reference(0.0, 1.0), rel=1e-5)
    assert set(parts) == {"cross_entropy"}


def test_a_student_that_says_what_the_teacher_says_has_no_divergence() -> None:
    teacher = torch.tensor(TEACHER[:1])
    total, _ = label_loss(teacher.log(), torch.tensor([0]), torch.ones(1), teacher, weight=1.0)
    assert float(total) == pytest.approx(0.0, abs=1e-6)
