"""Divergence from a teacher known in part: the formula, the whole as a special case, and where each tail
leads."""

import math

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from factory.student.losses.dense import divergence  # noqa: E402
from factory.student.losses.sparse import Tail, draw, drawn_kl, sparse_kl  # noqa: E402

TAILS: tuple[Tail, ...] = ("bucket", "renormalize", "drop")


def _reference(logits, ids, logprobs, tail: Tail) -> list[float]:
    found = []
    for row, places, logs in zip(logits.double(), ids.tolist(), logprobs.double().tolist(), strict=True):
        q = torch.softmax(row, 0)
        known = {token: math.exp(log) for token, log in zip(places, logs, strict=True) if log > -math.inf}
        mass = sum(known.values())
        scale = mass if tail == "renormalize" else 1.0
        kl = sum(p / scale * (math.log(p / scale) - float(q[token].log())) for token, p in known.items())
        rest = sum(float(q[token]) for token in range(len(row)) if token not in known)
        if tail == "bucket" and len(known) < len(row) and 1 - mass > 0:
            kl += (1 - mass) * math.log((1 - mass) / rest)
        found.append(kl)
    return found


def _teacher(n: int, vocabulary: int, k: int, seed: int, empty: bool = False):
    torch.manual_seed(seed)
    logprobs, ids = (torch.randn(n, vocabulary, dtype=torch.double) * 2).log_softmax(1).topk(k, dim=1)
    if empty and k > 1:
        lengths = torch.randint(1, k + 1, (n, 1))
        gone = torch.arange(k) >= lengths
        logprobs, ids = logprobs.masked_fill(gone, -math.inf), ids.masked_fill(gone, 0)
    return ids, logprobs


@settings(max_examples=80)
@given(
    n=st.integers(1, 6),
    vocabulary=st.integers(2, 14),
    k=st.integers(1, 14),
    empty=st.booleans(),
    tail=st.sampled_from(TAILS),
    seed=st.integers(0, 1000),
)
def test_sparse_kl_is_the_formula(
    n: int, vocabulary: int, k: int, empty: bool, tail: Tail, seed: int
) -> None:
    ids, logprobs = _teacher(n, vocabulary, min(k, vocabulary), seed, empty)
    logits = torch.randn(n, vocabulary) * 2
    got = sparse_kl(logits, ids, logprobs.float(), tail=tail)
    assert got.tolist() == pytest.approx(_reference(logits, ids, logprobs, tail), abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("empty", [False, True])
def test_sparse_kl_has_its_gradient(tail: Tail, k: int, empty: bool) -> None:
    ids, logprobs = _teacher(4, 8, k, 3, empty)
    logits = torch.randn(4, 8, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda these: sparse_kl(these, ids, logprobs, tail=tail), logits)


@settings(max_examples=40, deadline=None)
@given(
    vocabulary=st.integers(2, 30),
    k=st.integers(1, 19),
    temperature=st.sampled_from([0.5, 0.8, 2.0, 5.0]),
    empty=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_a_temperature_softens_the_k_and_the_rest(
    vocabulary: int, k: int, temperature: float, empty: bool, seed: int
) -> None:
    k = min(k, vocabulary - 1)
    ids, logprobs = _teacher(3, vocabulary, k, seed, empty)
    student = torch.randn(3, vocabulary, dtype=torch.double, requires_grad=True)
    got = sparse_kl(student, ids, logprobs, tail="bucket", temperature=temperature)
    expected = []
    for mine, places, logs in zip(student, ids, logprobs, strict=True):
        kept = [int(token) for token, log in zip(places, logs, strict=True) if log > -math.inf]
        others = [token for token in range(vocabulary) if token not in kept]
        # Of the teacher no more is known than these: the others as one.
        seen = torch.cat([logs[: len(kept)], (1 - logs.exp().sum()).clamp(min=0).log()[None]])
        own = torch.cat([mine[kept], mine[others].logsumexp(0)[None]])
        expected.append(_softened(own, seen, temperature))
    torch.testing.assert_close(got, torch.stack(expected), rtol=1e-8, atol=1e-10)
    for ours, right in zip(
        torch.autograd.grad(got.sum(), student),
        torch.autograd.grad(torch.stack(expected).sum(), student),
        strict=True,
    ):
        torch.testing.assert_close(ours, right, rtol=1e-7, atol=1e-10)


def _softened(own: torch.Tensor, seen: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return forward KL at a temperature, as long as at 1, of all outcomes."""

    def plain(at: torch.Tensor, by: float) -> torch.Tensor:
        p, q = (seen / by).softmax(0), (at / by).softmax(0)
        return torch.xlogy(p, p / q).sum()

    at = own.detach().requires_grad_()
    (wanted,) = torch.autograd.grad(plain(at, 1.0), at)
    (found,) = torch.autograd.grad(plain(at, temperature), at)
    length = wanted.norm() / (found.norm() * temperature).clamp(min=1e-4) * temperature
    return plain(own, temperature) * length


@pytest.mark.parametrize("tail", TAILS)
def test_every_tail_goes_on_where_the_temperature_leaves_1(tail: Tail) -> None:
    ids, logprobs = _teacher(4, 9, 3, 5)
    logits = torch.randn(4, 9, dtype=torch.double)
    near, at = (sparse_kl(logits, ids, logprobs, tail=tail, temperature=t) for t in (1.0001, 1.0))
    assert near.tolist() == pytest.approx(at.tolist(), abs=2e-3)


@settings(max_examples=30)
@given(
    n=st.integers(1, 5), vocabulary=st.integers(2, 20), tail=st.sampled_from(TAILS), seed=st.integers(0, 1000)
)
def test_with_the_whole_vocabulary_it_is_the_whole_divergence(
    n: int, vocabulary: int, tail: Tail, seed: int
) -> None:
    torch.manual_seed(seed)
    teacher, student = torch.randn(n, vocabulary), torch.randn(n, vocabulary, requires_grad=True)
    logprobs, ids = teacher.log_softmax(1).topk(vocabulary, dim=1)
    whole = divergence(student, teacher, beta=0.0, temperature=1.0)
    sparse = sparse_kl(student, ids, logprobs, tail=tail)
    assert sparse.tolist() == pytest.approx(whole.tolist(), abs=1e-5)
    (expected,) = torch.autograd.grad(whole.sum(), student)
    (got,) = torch.autograd.grad(sparse.sum(), student)
    assert torch.allclose(got, expected, atol=1e-5)


def test_a_student_that_is_sure_keeps_its_digits() -> None:
    # One minus the student's mass is 0 in float32 here; the mass of the others is not.
    logits = torch.tensor([[30.0, 0.0, 0.0, 0.0]], requires_grad=True)
    ids, logprobs = torch.tensor([[0]]), torch.tensor([[math.log(0.99)]])
    loss = sparse_kl(logits, ids, logprobs, tail="bucket")
    assert loss.tolist() == pytest.approx(_reference(logits.detach(), ids, logprobs, "bucket"), rel=1e-5)
    loss.sum().backward()
    assert torch.allclose(logits.grad, torch.tensor([[0.01, -0.01 / 3, -0.01 / 3, -0.01 / 3]]), atol=1e-6)


def _trained(loss, vocabulary: int):
    """Return the distribution that a student who may say anything ends at."""
    logits = torch.zeros(1, vocabulary, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.05)
    for _ in range(1500):
        optimizer.zero_grad()
        loss(logits).sum().backward()
        optimizer.step()
    return logits.detach().softmax(1)[0]


def test_only_the_bucket_leads_to_the_teachers_probabilities() -> None:
    teacher = torch.tensor([0.4, 0.2, 0.1, 0.1, 0.1, 0.1], dtype=torch.double)
    ids, logprobs = torch.tensor([[0, 1]]), teacher[None, :2].log()
    ends = {
        tail: _trained(lambda logits, tail=tail: sparse_kl(logits, ids, logprobs, tail=tail), 6)
        for tail in TAILS
    }
    # The student began even, so that its even tail is the teacher's too.
    assert torch.allclose(ends["bucket"], teacher, atol=1e-3)
    for tail in ("renormalize", "drop"):
        assert torch.allclose(ends[tail][:2], teacher[:2] / 0.6, atol=1e-2)
        assert float(ends[tail][2:].sum()) < 0.01


def test_drawn_tokens_estimate_the_divergence_and_its_gradient_without_bias() -> None:
    torch.manual_seed(6)
    teacher, student = (
        torch.randn(2, 8, dtype=torch.double),
        torch.randn(2, 8, dtype=torch.double, requires_grad=True),
    )
    generator = torch.Generator().manual_seed(7)
    ids, logprobs = draw(teacher, 200_000, generator)
    estimate, whole = (
        drawn_kl(student, ids, logprobs),
        divergence(student, teacher, beta=0.0, temperature=1.0),
    )
    assert estimate.tolist() == pytest.approx(whole.tolist(), abs=0.02)
    (got,) = torch.autograd.grad(estimate.sum(), student)
    (expected,) = torch.autograd.grad(whole.sum(), student)
    assert torch.allclose(got, expected, atol=0.01)
    few = [part[:, :5] for part in (ids, logprobs)]
    assert torch.autograd.gradcheck(lambda logits: drawn_kl(logits, *few), student)
