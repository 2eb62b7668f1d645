"""Constrained decoding in vLLM: only tokens that keep the answer within a JSON Schema (xgrammar).

Promise: the constrained answer is one JSON value of the schema in the form of Python's `json.dumps` (", " and
": "), then the end of the turn; what no grammar can hold of a schema is left to the check. vLLM takes the raw
logprobs before logits processors run, so the stored distribution is the model's own. vLLM's structured
outputs (0.32) mask the logits first, and every token outside the grammar would be stored with probability
zero.
"""

import json
from typing import Any

import torch
import xgrammar
from transformers import AutoTokenizer
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor, MoveDirectionality

from factory.inference.schema_grammar import OPTIONS, compile_schema


class JsonSchemaProcessor(LogitsProcessor):
    """Enforces `SamplingParams.extra_args["json_schema"]` (a dict) on the requests that carry one."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool):
        self._vocab_size = vllm_config.model_config.get_vocab_size()
        tokenizer = AutoTokenizer.from_pretrained(vllm_config.model_config.tokenizer)
        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=self._vocab_size)
        self._compiler = xgrammar.GrammarCompiler(info)
        self._grammars: dict[str, xgrammar.CompiledGrammar] = {}
        self._rows: dict[int, _Row] = {}
        self._bitmask = xgrammar.allocate_token_bitmask(
            vllm_config.scheduler_config.max_num_seqs, self._vocab_size
        )

    def is_argmax_invariant(self) -> bool:
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        if batch_update:
            for index in batch_update.removed:
                self._rows.pop(index, None)
            for index, params, _, output_ids in batch_update.added:
                self._rows.pop(index, None)
                if row := self._new_row(params, output_ids):
                    self._rows[index] = row
            for origin, target, direction in batch_update.moved:
                moved, replaced = self._rows.pop(origin, None), self._rows.pop(target, None)
                if moved:
                    self._rows[target] = moved
                if replaced and direction == MoveDirectionality.SWAP:
                    self._rows[origin] = replaced
        for row in self._rows.values():
            row.advance()

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        if not self._rows:
            return logits
        indices = sorted(self._rows)
        for index in indices:
            self._rows[index].matcher.fill_next_token_bitmask(self._bitmask, index)
        xgrammar.apply_token_bitmask_inplace(
            logits,
            self._bitmask[: logits.shape[0]].to(logits.device),
            vocab_size=self._vocab_size,
            indices=indices,
        )
        return logits

    def _new_row(self, params: SamplingParams, output_ids: list[int]) -> "_Row | None":
        schema = (params.extra_args or {}).get("json_schema")
        if schema is None:
            return None
        key = json.dumps(schema)
        if key not in self._grammars:
            self._grammars[key], _ = compile_schema(
                schema, lambda text: self._compiler.compile_json_schema(text, **OPTIONS)
            )
        return _Row(xgrammar.GrammarMatcher(self._grammars[key]), output_ids)


class _Row:
    """One request: its grammar's state, and how many of its output tokens the grammar has seen."""

    def __init__(self, matcher: xgrammar.GrammarMatcher, output_ids: list[int]):
        self.matcher = matcher
        self._output_ids = output_ids
        self._seen = 0

    def advance(self) -> None:
        while self._seen < len(self._output_ids) and self._output_ids[self._seen] >= 0:
            if not self.matcher.is_terminated():
                self.matcher.accept_token(self._output_ids[self._seen])
            self._seen += 1
