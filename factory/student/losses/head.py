"""From hidden states to a loss without the whole matrix of logits.

Promise: of (positions, vocabulary) there are never more than a few blocks of `BLOCK` numbers, whatever the
batch. The gradient is worked out block by block in the forward pass, so that no logits are kept or computed
twice; it is exact for a loss that is a sum over positions. Not promised: second derivatives, or a model whose
logits are more than a linear map, a scale and a soft cap.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

# Logits at once, by what suits the device and the type of the head's weights. They are in the same memory
# as all activations. On a CPU a few positions cost a bfloat16 head of a 0.5B model 6 % of a step's time, and
# save 6 % of its memory; a float32 head would lose a fifth.
BLOCK, BFLOAT16_BLOCK, GPU_BLOCK = 2**24, 2**22, 2**26

# From the logits (m, vocabulary) of a span of positions to the sum that is minimized, and to its parts (p,),
# which are only looked at.
Loss = Callable[[torch.Tensor, slice], tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Head:
    """What makes logits of hidden states: `weight` (vocabulary, width), `bias` (vocabulary,), then a factor,
    then a soft cap."""

    weight: torch.Tensor
    bias: torch.Tensor | None = None
    scale: float = 1.0
    cap: float | None = None

    @classmethod
    def of(cls, model: Any) -> "Head":
        """Return the head of a Transformers model; its factor and cap are in its configuration."""
        layer, config = model.get_output_embeddings(), model.config.get_text_config()
        # Cohere and Muse, then Falcon multiply; Granite and MiniCPM divide, HyperCLOVA multiplies under their
        # name; Gemma caps.
        factors = [
            getattr(config, name, None) for name in ("logit_scale", "output_multiplier", "lm_head_multiplier")
        ]
        if divisor := getattr(config, "logits_scaling", None):
            factors.append(divisor if config.model_type == "hyperclovax" else 1 / divisor)
        scale = next((float(factor) for factor in factors if factor is not None), 1.0)
        return cls(
            layer.weight,
            getattr(layer, "bias", None),
            scale,
            getattr(config, "final_logit_softcapping", None),
        )

    def to(self, device: torch.device) -> "Head":
        """Return the head on a device."""
        return replace(
            self, weight=self.weight.to(device), bias=None if self.bias is None else self.bias.to(device)
        )

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits (n, vocabulary) of `hidden` (n, width): multiplied in the weights' type, then
        widened to float32 at least."""
        logits = torch.nn.functional.linear(hidden.to(self.weight.dtype), self.weight, self.bias)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        logits = logits * self.scale if self.scale != 1 else logits
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


def head_loss(
    hidden: torch.Tensor, head: Head, loss: Loss, *, block: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of `loss` over all positions of `hidden` (n, width), and the sum of its parts, which
    have no gradient.

    `block` is how many logits may be held at once, by default what suits the device; at least one position
    is.
    """
    step = _positions(hidden, head, block)
    total, parts = _InBlocks.apply(hidden, head.weight, head.bias, head, loss, step, torch.is_grad_enabled())
    return total, parts


@torch.no_grad()
def by_position(
    hidden: torch.Tensor, head: Head, look: Callable[[torch.Tensor, slice], torch.Tensor], width: int
) -> torch.Tensor:
    """Return what `look` sees (m, width) in the logits of each span, for all positions (n, width), without
    gradient."""
    step = _positions(hidden, head, None)
    seen = [
        look(head.logits(hidden[start : start + step]), slice(start, start + step))
        for start in range(0, len(hidden), step)
    ]
    return torch.cat(seen) if seen else hidden.new_zeros(0, width, dtype=torch.float64)


def _positions(hidden: torch.Tensor, head: Head, block: int | None) -> int:
    """Return the positions whose logits are held at once."""
    if block is None:
        block = (
            GPU_BLOCK if hidden.is_cuda else BFLOAT16_BLOCK if head.weight.dtype == torch.bfloat16 else BLOCK
        )
    return max(1, block // head.weight.shape[0])


class _InBlocks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Any, weight: Any, bias: Any, head: Head, loss: Loss, step: int, learning: bool
    ) -> Any:
        wanted = [
            learning and tensor is not None and tensor.requires_grad for tensor in (hidden, weight, bias)
        ]
        weight, bias = (
            None if tensor is None else tensor.detach().requires_grad_(wants)
            for tensor, wants in zip((weight, bias), wanted[1:], strict=True)
        )
        head = replace(head, weight=weight, bias=bias)
        gradients: list[Any] = [
            torch.zeros_like(tensor) if wants else None
            for tensor, wants in zip((hidden, weight, bias), wanted, strict=True)
        ]
        total: Any = 0.0
        parts: Any = 0.0
        # At least one block, so that the number of parts is known where there is no position.
        for start in range(0, max(len(hidden), 1), step):
            span = slice(start, min(start + step, len(hidden)))
            with torch.set_grad_enabled(any(wanted)):
                rows = hidden[span].detach().requires_grad_(wanted[0])
                value, shares = loss(head.logits(rows), span)
            total, parts = total + value.detach(), parts + shares.detach()
            inputs = [tensor for tensor, wants in zip((rows, weight, bias), wanted, strict=True) if wants]
            found = iter(torch.autograd.grad(value, inputs) if inputs else ())
            if wanted[0]:
                gradients[0][span] = next(found)
            for gradient in gradients[1:]:
                if gradient is not None:
                    gradient += next(found)
        ctx.gradients = gradients
        ctx.mark_non_differentiable(parts)
        return total, parts

    @staticmethod
    def backward(ctx: Any, outer: torch.Tensor, _: torch.Tensor) -> Any:
        scaled = [
            None if gradient is None else gradient * outer.to(gradient.dtype) for gradient in ctx.gradients
        ]
        return *scaled, None, None, None, None
