"""In-process vLLM engine that yields answers one by one from its step loop.

Promise: each answer is handed out when it ends, so that a crash loses only what was in flight. On two cores
this is also faster than vLLM's default of three processes. The process must have been started with
`factory.inference.environment.ENVIRONMENT`; the engine's memory comes back when the process ends. On a CPU
chunked prefill is off, because a seeded request whose prompt is prefilled in chunks ends the CPU engine (vLLM
0.32, "CPU Generator does not use offset"). A JSON Schema is enforced by our own logits processor, because
vLLM's structured outputs mask the logits before the raw logprobs are taken, and what is stored here is the
unmasked distribution.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from factory.errors import FactoryError
from factory.inference.request import TOO_LONG, Answer, Request
from factory.inference.spelling import special_marks, spelled
from factory.models.precision import running_precision

# Eager mode with a fixed cache starts fastest. Small blocks let requests share more of a common prompt: the
# default of 128 tokens wastes up to 127 of them on each.
ON_CPU: dict[str, Any] = {"enforce_eager": True, "enable_chunked_prefill": False, "block_size": 32}


class Engine:
    """A model folder loaded into vLLM, in the number format that is fast here (`precision`). `concurrency`
    requests are in flight at once; `kv_cache_gb` is the key-value cache in GiB. `chat_template` is for a
    model that has none of its own, and `turn_end` the token at which it stops then. The `marks` of a call
    stay in its text, special tokens or not."""

    _template: str | None = None
    _stops: list[int] | None = None
    _kept: frozenset[int] = frozenset()

    def __init__(
        self,
        folder: Path,
        *,
        max_model_len: int,
        concurrency: int,
        kv_cache_gb: float,
        chat_template: str | None = None,
        turn_end: str | None = None,
        marks: Sequence[str] = (),
    ):
        import torch
        from vllm import EngineArgs
        from vllm.v1.engine.llm_engine import LLMEngine

        from factory.inference.forced import ForcedTokens
        from factory.inference.grammar import JsonSchemaProcessor

        self.concurrency = concurrency
        self.max_model_len = max_model_len
        self.precision = running_precision(folder)
        self._engine = LLMEngine.from_engine_args(
            EngineArgs(
                model=str(folder),
                dtype=self.precision,
                max_model_len=max_model_len,
                max_num_seqs=concurrency,
                max_num_batched_tokens=max(4096, max_model_len),
                # Prompts that begin alike, as those with examples do, are read once.
                enable_prefix_caching=True,
                kv_cache_memory_bytes=int(kv_cache_gb * 2**30),
                disable_log_stats=True,
                trust_remote_code=False,
                logits_processors=[JsonSchemaProcessor, ForcedTokens],
                **({} if torch.cuda.is_available() else ON_CPU),
            )
        )
        self.tokenizer = self._engine.get_tokenizer()
        self._template = chat_template
        self._stops = self._encode(turn_end) if turn_end else None
        self._kept = special_marks(self.tokenizer, marks)

    def _prompt_ids(self, request: Request) -> list[int]:
        text = self.tokenizer.apply_chat_template(
            request.messages,
            tools=request.tools,
            chat_template=self._template,
            tokenize=False,
            add_generation_prompt=True,
            **(request.template or {}),
        )
        return self._encode(text + request.prefill)

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def answer(self, requests: Iterable[Request | None]) -> Iterator[Answer]:
        """Yield answers as they end; an overlong prompt is answered with the error `prompt_too_long`."""
        waiting = iter(requests)
        started: dict[str, float] = {}
        exhausted = False
        while True:
            while not exhausted and len(started) < self.concurrency:
                try:
                    request = next(waiting)
                except StopIteration:
                    exhausted = True
                    break
                if request is None:
                    break
                ids, forced = (
                    self._prompt_ids(request),
                    self._encode(request.forced) if request.forced else [],
                )
                if len(ids) + max(1, len(forced)) > self.max_model_len:
                    yield Answer(request.key, "", "error", len(ids), 0, 0.0, error=TOO_LONG)
                    continue
                self._add(request, ids, forced)
                started[request.key] = time.monotonic()
            if not started:
                return
            for output in self._engine.step():
                if output.finished:
                    yield self._answer(output, time.monotonic() - started.pop(output.request_id))

    def _add(self, request: Request, prompt_ids: list[int], forced: list[int]) -> None:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        sampling = request.sampling
        extra = ({"json_schema": request.schema} if request.schema else {}) | (
            {"forced_ids": forced} if forced else {}
        )
        params = SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=len(forced) or min(sampling.max_tokens, self.max_model_len - len(prompt_ids)),
            seed=request.seed if sampling.temperature > 0 else None,
            logprobs=sampling.logprobs or None,
            flat_logprobs=True,
            ignore_eos=request.ignore_eos or bool(forced),
            stop_token_ids=None if request.ignore_eos or forced else self._stops,
            # Otherwise vLLM spells out every one of the k alternatives, a tenth of the time of a small model.
            detokenize=False,
            extra_args=extra or None,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        try:
            self._engine.add_request(request.key, {"prompt_token_ids": prompt_ids}, params)
        except ValueError as error:
            raise FactoryError(
                f"vLLM refuses the request: {error}",
                "Look at the tool's JSON Schema and at the sampling parameters.",
            ) from None

    def _answer(self, output: Any, seconds: float) -> Answer:
        completion = output.outputs[0]
        token_ids = list(completion.token_ids)
        drawn = topk_ids = topk_logprobs = None
        if (flat := completion.logprobs) is not None:
            # At each position vLLM puts the drawn token first, then the k most likely ones in order of rank.
            spans = list(zip(flat.start_indices, flat.end_indices, strict=True))
            drawn = [flat.logprobs[start] for start, _ in spans]
            topk_ids = [flat.token_ids[start + 1 : end] for start, end in spans]
            topk_logprobs = [flat.logprobs[start + 1 : end] for start, end in spans]
        return Answer(
            key=output.request_id,
            text=spelled(self.tokenizer, token_ids, self._kept),
            finish_reason=completion.finish_reason or "unknown",
            prompt_tokens=len(output.prompt_token_ids or ()),
            completion_tokens=len(token_ids),
            seconds=seconds,
            token_ids=token_ids,
            token_logprobs=drawn,
            topk_ids=topk_ids,
            topk_logprobs=topk_logprobs,
        )
