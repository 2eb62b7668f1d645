"""The kind `tool_call`: where its settings, tasks, rows and scorer are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from factory.seeds.call_formats import ToolMessagesFormat, XlamFormat
from factory.seeds.seed import Seed
from factory.tasks.kind import Kind, Prepared, Prompting, Row
from factory.tasks.settings import CustomTools
from factory.tasks.tool_call.seeds import ToolCallFormat
from factory.tasks.tool_call.settings import ToolCallData
from factory.tasks.vary import unclear

if TYPE_CHECKING:
    from factory.chat_formats.format import ChatFormat
    from factory.tasks.sample import Sample, Task
    from factory.tasks.tool_call.scorer import CallScorer
    from factory.tasks.tool_call.taskset import ToolCallTaskset
    from factory.tools.registry import RunTool
    from factory.tools.spec import ToolSpec


class ToolCall(Kind[ToolCallData, "ToolCallTaskset"]):
    """A question, the calls that answer it, the tools' results, the answer."""

    name = "tool_call"
    settings = ToolCallData
    own_format = ToolCallFormat
    seed_formats = (ToolCallFormat, ToolMessagesFormat, XlamFormat)
    templates = ("calculator", "tools")
    default_checks = ("schema", "execution", "finish_reason", "degenerate", "dedup", "decontamination")
    # What could not be carried out must not count as accepted.
    required_checks = ("schema", "execution")
    calls_tools = True
    references_answer = True
    prompting = Prompting(
        teacher="then the question; a JSON schema is enforced",
        base="the bare question; free text, read as a {chat_format} tool call",
        student="the bare question; free text, read as a {chat_format} tool call",
    )
    editable = ("question", "call", "answer", "reference")
    tags = ("function-calling", "tool-use")

    def tool_file(self, data: ToolCallData) -> str:
        return data.tools

    def start(self, source: Path) -> tuple[dict[str, str], list[str]]:
        from factory.tasks.tool_call.starter import start

        return start(source)

    def custom_tools(self, data: ToolCallData) -> CustomTools | None:
        return data.custom_tools

    def require(self, prepared: Prepared[ToolCallData, ToolCallTaskset]) -> None:
        from factory.tasks.tool_call.preflight import (
            require_shipped,
            require_solvable,
        )

        require_shipped(prepared)
        self.require_references(prepared.held_out)
        require_solvable(prepared)

    def require_askable(self, prepared: Prepared[ToolCallData, ToolCallTaskset]) -> None:
        from factory.tasks.tool_call.preflight import require_grammars

        require_grammars(prepared)

    def taskset(
        self,
        data: ToolCallData,
        seeds: list[Seed],
        tools: list[ToolSpec],
        run: RunTool,
        seed: int,
        own: Path | None,
    ) -> ToolCallTaskset:
        from factory.tasks.tool_call.taskset import ToolCallTaskset

        wanted = -(-data.count // data.samples_per_prompt)
        return ToolCallTaskset(
            seeds, tools, examples=data.examples, seed=seed, wanted=wanted, run=run, own=own
        )

    def reference_texts(self, taskset: ToolCallTaskset, task: Task) -> list[str]:
        return taskset.reference_texts(task.reference)

    def unvaried(self, seeds: list[Seed]) -> list[tuple[Seed, str]]:
        return [(seed, why) for seed in seeds if (why := unclear(seed))]

    def plan_identity(self, data: ToolCallData, tools: list[ToolSpec], own_source: str | None) -> Row:
        # How many are wanted decides how tasks are gathered into blocks.
        deciding = super().plan_identity(data, tools, own_source)
        deciding |= {"count": data.count, "tools": [tool.model_dump() for tool in tools]}
        if data.custom_tools and own_source:
            deciding["own_tools"] = [own_source, data.custom_tools.timeout_s, data.custom_tools.memory_mb]
        return deciding

    def requests_per_answer(self, data: ToolCallData) -> int:
        return 3  # a call, one that its result feeds, the end

    def scorer(self, taskset: ToolCallTaskset, held_out: list[Seed], chat_format: ChatFormat) -> CallScorer:
        from factory.tasks.tool_call.scorer import CallScorer

        return CallScorer(taskset, chat_format)

    def shown_fields(self, row: Row) -> tuple[str, ...]:
        # The answer follows from the calls, where there are any.
        said = "call" if json.loads(row["call"] or "[]") else "answer"
        return "question", said, "reference"

    def remake(
        self, changed: Row, changes: dict[str, str], task: Task, own: Path | None, run: RunTool | None
    ) -> Sample:
        from factory.tasks.tool_call.review import remake

        return remake(changed, changes, task, own, run)
