"""The kind `function_call`: where its settings, tasks and scorer are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from factory.seeds.function_formats import BfclFormat, FunctionMessagesFormat
from factory.seeds.seed import Seed
from factory.tasks.function_call.seeds import FunctionCallFormat
from factory.tasks.function_call.settings import FunctionCallData
from factory.tasks.kind import Kind, Prepared, Prompting, Row

if TYPE_CHECKING:
    from factory.chat_formats.format import ChatFormat
    from factory.tasks.function_call.scorer import FunctionCallScorer
    from factory.tasks.function_call.taskset import FunctionCallTaskset
    from factory.tasks.sample import Sample, Task
    from factory.tools.registry import RunTool
    from factory.tools.spec import ToolSpec


class FunctionCall(Kind[FunctionCallData, "FunctionCallTaskset"]):
    """A question with tools of its own, and the calls that answer it."""

    name = "function_call"
    settings = FunctionCallData
    own_format = FunctionCallFormat
    seed_formats = (FunctionCallFormat, FunctionMessagesFormat, BfclFormat)
    templates = ("functions",)
    default_checks = ("schema", "finish_reason", "agreement", "degenerate", "dedup", "decontamination")
    # Nothing else tells a right call from a wrong one.
    required_checks = ("schema", "agreement")
    refused_checks = {
        "execution": "the tools of the kind function_call differ by task, and nobody carries them out"
    }
    calls_tools = True
    references_answer = True
    tools_by_task = True
    prompting = Prompting(
        teacher="then the question; a JSON schema is enforced",
        base="the question with its tools; free text, read as {chat_format} tool calls",
        student="the question with its tools; free text, read as {chat_format} tool calls",
    )
    editable = ("question", "call", "answer", "reference")
    tags = ("function-calling", "tool-use")

    def require(self, prepared: Prepared[FunctionCallData, FunctionCallTaskset]) -> None:
        from factory.tasks.function_call.preflight import require_votes

        if prepared.learns:
            self.require_references(prepared.held_out)
        require_votes(prepared)

    def require_askable(self, prepared: Prepared[FunctionCallData, FunctionCallTaskset]) -> None:
        from factory.tasks.function_call.preflight import require_grammars

        require_grammars(prepared)

    def taskset(
        self,
        data: FunctionCallData,
        seeds: list[Seed],
        tools: list[ToolSpec],
        run: RunTool,
        seed: int,
        own: Path | None,
    ) -> FunctionCallTaskset:
        from factory.tasks.function_call.taskset import FunctionCallTaskset

        return FunctionCallTaskset(seeds, examples=data.examples, seed=seed, own=own)

    def reference_texts(self, taskset: FunctionCallTaskset, task: Task) -> list[str]:
        return taskset.reference_texts(task)

    def unvaried(self, seeds: list[Seed]) -> list[tuple[Seed, str]]:
        from factory.tasks.function_call.other_numbers import kept_as_it_is

        return [(seed, why) for seed in seeds if (why := kept_as_it_is(seed))]

    def scorer(
        self, taskset: FunctionCallTaskset, held_out: list[Seed], chat_format: ChatFormat
    ) -> FunctionCallScorer:
        from factory.tasks.function_call.scorer import FunctionCallScorer

        return FunctionCallScorer(taskset, chat_format)

    def shown_fields(self, row: Row) -> tuple[str, ...]:
        said = "call" if json.loads(row["call"] or "[]") else "answer"
        return "question", said, "reference"

    def remake(
        self, changed: Row, changes: dict[str, str], task: Task, own: Path | None, run: RunTool | None
    ) -> Sample:
        from factory.tasks.function_call.review import remake

        return remake(changed, changes, task, own)
