"""Losses on whole distributions against a dense float64 reference written from the formula."""

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from factory.student.losses.dense import cross_entropy, divergence  # noqa: E402
from factory.student.losses.outcomes import NUCLEUS  # noqa: E402
from factory.student.losses.sparse import drawn_divergence, sparse_kl  # noqa: E402
from tests.support import formulas  # noqa: E402


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 4),
    vocabulary=st.integers(2, 40),
    padding=st.integers(-1, 3),
    beta=st.sampled_from([0.0, 0.02, 0.1, 0.5, 0.9, 1.0]),
    temperature=st.sampled_from([0.5, 1.0, 2.0, 4.0]),
    seed=st.integers(0, 1000),
)
def test_divergence_and_its_gradient_are_those_of_the_formula(
    n: int, vocabulary: int, padding: int, beta: float, temperature: float, seed: int
) -> None:
    torch.manual_seed(seed)
    student = (torch.randn(n, vocabulary, dtype=torch.double) * 2).requires_grad_()
    teacher = torch.randn(n, max(vocabulary + padding, 2), dtype=torch.double) * 2
    got = divergence(student, teacher, beta=beta, temperature=temperature)
    expected = torch.stack(
        [
            formulas.divergence(mine, theirs, beta=beta, temperature=temperature)
            for mine, theirs in zip(student, teacher, strict=True)
        ]
    )
    torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-10)
    for ours, right in zip(
        torch.autograd.grad(got.sum(), student), torch.autograd.grad(expected.sum(), student), strict=True
    ):
        torch.testing.assert_close(ours, right, rtol=1e-7, atol=1e-10)
    single = divergence(student.detach().float(), teacher.float(), beta=beta, temperature=temperature)
    assert single.tolist() == pytest.approx(got.tolist(), rel=2e-3, abs=1e-4)


def _peaked(positions: int = 8, noise: float = 0.7) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits of student and teacher as real ones are: 49,152 tokens, one to a few of them likely."""
    chance = torch.Generator().manual_seed(4)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=chance, dtype=torch.double)

    teacher = 2 * normal(positions, 49152)
    steps = torch.tensor([8, 5, 3.5, 2.5, 2, 1.5, 1, 0.5], dtype=torch.double)
    lifted = steps * (normal(positions, 1) * 0.8 + 1.6).exp() / 4
    teacher.scatter_add_(1, teacher.topk(len(steps), dim=1).indices, lifted)
    return teacher + noise * normal(positions, 49152), teacher


def _length(student: torch.Tensor, loss) -> float:
    at = student.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(at).mean(), at)
    return float(gradient.norm())


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_gradients_have_one_length_whatever_temperature_and_beta(noise: float) -> None:
    student, teacher = _peaked(noise=noise)
    # Sure at most positions, and half of the mass in the tail where the whole vocabulary is softened.
    assert float(teacher.softmax(1).amax(1).median()) > 0.85
    assert float((teacher / 2).softmax(1).topk(NUCLEUS, dim=1).values.sum(1).mean()) < 0.6
    plain = _length(student, lambda at: divergence(at, teacher, beta=0.0, temperature=1.0))
    for temperature in (0.7, 1.0, 2.0):
        for beta in (0.0, 0.1, 0.5, 0.9, 1.0):
            found = _length(
                student,
                lambda at, beta=beta, temperature=temperature: divergence(
                    at, teacher, beta=beta, temperature=temperature
                ),
            )
            assert found == pytest.approx(plain, rel=0.2), (temperature, beta)
    logprobs, ids = teacher.log_softmax(1).topk(NUCLEUS, dim=1)
    for temperature in (0.7, 2.0):
        stored = _length(
            student,
            lambda at, temperature=temperature: sparse_kl(
                at, ids, logprobs, tail="bucket", temperature=temperature
            ),
        )
        assert stored == pytest.approx(plain, rel=0.2), temperature


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_drawn_tokens_estimate_the_softened_divergence(temperature: float) -> None:
    torch.manual_seed(3)
    teacher = torch.randn(2, 30, dtype=torch.double) * 2
    student = torch.randn(2, 32, dtype=torch.double, requires_grad=True)
    chance = torch.Generator().manual_seed(8)
    estimate = drawn_divergence(student, teacher, 200_000, temperature=temperature, generator=chance)
    whole = divergence(student, teacher, beta=0.0, temperature=temperature)
    assert estimate.tolist() == pytest.approx(whole.tolist(), abs=0.03)
    (got,) = torch.autograd.grad(estimate.sum(), student)
    (expected,) = torch.autograd.grad(whole.sum(), student)
    assert torch.allclose(got, expected, atol=0.02)


def test_divergence_of_equal_distributions_is_nothing() -> None:
    logits = torch.randn(4, 9, dtype=torch.double)
    for beta in (0.0, 0.5, 1.0):
        assert divergence(logits, logits + 5, beta=beta, temperature=3.0).tolist() == pytest.approx(
            [0] * 4, abs=1e-9
        )


def test_cross_entropy_is_the_negative_log_likelihood() -> None:
    torch.manual_seed(5)
    logits, targets = torch.randn(6, 10, dtype=torch.double, requires_grad=True), torch.randint(0, 10, (6,))
    expected = [
        -torch.log_softmax(row, 0)[target].item() for row, target in zip(logits, targets, strict=True)
    ]
    assert cross_entropy(logits.float(), targets).tolist() == pytest.approx(expected, abs=1e-6)
    assert torch.autograd.gradcheck(lambda these: cross_entropy(these, targets), logits)
