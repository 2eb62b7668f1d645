"""A loss taken block by block is the loss of all logits at once, gradients included, and never holds them
all."""

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from transformers import (  # noqa: E402
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

from factory.student.losses.dense import cross_entropy  # noqa: E402
from factory.student.losses.head import Head, head_loss  # noqa: E402


def _sums(targets, seen: list[int] | None = None):
    def loss(logits, span):
        if seen is not None:
            seen.append(logits.numel())
        each = cross_entropy(logits, targets[span])
        return 0.3 * each.sum() + logits.square().sum() * 1e-3, torch.stack([each.sum(), logits.sum()])

    return loss


@settings(max_examples=40)
@given(
    n=st.integers(0, 9),
    vocabulary=st.integers(2, 11),
    block=st.integers(1, 120),
    bias=st.booleans(),
    cap=st.sampled_from([None, 2.0]),
    seed=st.integers(0, 1000),
)
def test_blocks_change_nothing(
    n: int, vocabulary: int, block: int, bias: bool, cap: float | None, seed: int
) -> None:
    torch.manual_seed(seed)
    tensors = [
        torch.randn(size, dtype=torch.double, requires_grad=True)
        for size in ((n, 4), (vocabulary, 4), (vocabulary,))
    ]
    hidden, weight, shift = tensors if bias else (*tensors[:2], None)
    head, targets = Head(weight, shift, scale=0.7, cap=cap), torch.randint(0, vocabulary, (n,))
    inputs = tensors if bias else tensors[:2]
    seen: list[int] = []
    total, parts = head_loss(hidden, head, _sums(targets, seen), block=block)
    whole, shares = _sums(targets)(head.logits(hidden), slice(0, n))
    assert total.item() == pytest.approx(whole.item(), abs=1e-9)
    assert parts.tolist() == pytest.approx(shares.tolist(), abs=1e-9)
    assert not parts.requires_grad
    assert max(seen) <= max(block, vocabulary)
    for got, expected in zip(
        torch.autograd.grad(2 * total, inputs), torch.autograd.grad(2 * whole, inputs), strict=True
    ):
        assert torch.allclose(got, expected, atol=1e-9)


def test_its_gradient_is_the_gradient() -> None:
    torch.manual_seed(1)
    hidden, weight = (
        torch.randn(5, 3, dtype=torch.double, requires_grad=True),
        torch.randn(6, 3, dtype=torch.double, requires_grad=True),
    )
    targets = torch.randint(0, 6, (5,))
    assert torch.autograd.gradcheck(
        lambda h, w: head_loss(h, Head(w), _sums(targets), block=12)[0], (hidden, weight)
    )


def test_a_frozen_head_gets_no_gradient_and_evaluation_none_at_all() -> None:
    hidden, weight = torch.randn(4, 3, requires_grad=True), torch.randn(6, 3)
    total, _ = head_loss(hidden, Head(weight), _sums(torch.zeros(4, dtype=torch.long)), block=6)
    total.backward()
    assert weight.grad is None
    assert hidden.grad is not None
    with torch.no_grad():
        quiet, _ = head_loss(hidden, Head(weight), _sums(torch.zeros(4, dtype=torch.long)), block=6)
    assert not quiet.requires_grad
    assert quiet.item() == pytest.approx(total.item())


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (LlamaConfig, LlamaForCausalLM),
        (lambda **sizes: Gemma2Config(**sizes, head_dim=8, final_logit_softcapping=0.5), Gemma2ForCausalLM),
        (lambda **sizes: GraniteConfig(**sizes, logits_scaling=4.0), GraniteForCausalLM),
    ],
)
def test_the_head_of_a_model_gives_the_models_logits(config, model) -> None:
    torch.manual_seed(2)
    sizes = {
        "vocab_size": 40,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    made = model(config(**sizes, num_key_value_heads=2)).eval()
    ids = torch.randint(0, 40, (1, 6))
    with torch.no_grad():
        hidden = made.get_decoder()(input_ids=ids).last_hidden_state[0]
        assert torch.allclose(Head.of(made).logits(hidden), made(input_ids=ids).logits[0], atol=1e-5)
