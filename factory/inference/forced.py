"""Forced decoding in vLLM: makes the model write a given text and records the logprobs of its tokens.

Promise: vLLM takes the raw logprobs before logits processors run, so those of a forced answer are the model's
own, in the process, the kernels and the number format that it is served with. Asking for the logprobs of a
prompt would give the same, but with all logits of a prompt in memory at once and without the cache of common
beginnings.
"""

from collections.abc import Sequence
from functools import partial

import torch
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import AdapterLogitsProcessor


class ForcedTokens(AdapterLogitsProcessor):
    """Enforces `SamplingParams.extra_args["forced_ids"]` (token ids) on the requests that carry some."""

    def is_argmax_invariant(self) -> bool:
        return False

    def new_req_logits_processor(self, params: SamplingParams) -> "partial[torch.Tensor] | None":
        ids = (params.extra_args or {}).get("forced_ids")
        return partial(_only, ids) if ids else None


def _only(ids: Sequence[int], output_ids: list[int], logits: torch.Tensor) -> torch.Tensor:
    if len(output_ids) >= len(ids):
        return logits
    forced = torch.full_like(logits, float("-inf"))
    forced[ids[len(output_ids)]] = 0.0
    return forced
