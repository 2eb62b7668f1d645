"""The kind `rationale`: where its settings, tasks, rows and scorer are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from factory.seeds.published_formats import Gsm8kFormat, MathFormat, MetaMathFormat
from factory.seeds.seed import Seed
from factory.tasks.kind import Kind, Prompting, Row
from factory.tasks.rationale.multitask import COLUMN_NOTE, PREFIXES, both_tasks, read_weights
from factory.tasks.rationale.seeds import RationaleFormat, SolvedMessagesFormat
from factory.tasks.rationale.settings import RationaleData
from factory.tasks.vary import unclear

if TYPE_CHECKING:
    from factory.chat_formats.format import ChatFormat
    from factory.tasks.conversation import Conversation
    from factory.tasks.rationale.scorer import RationaleScorer
    from factory.tasks.rationale.taskset import RationaleTaskset
    from factory.tasks.sample import Sample, Task
    from factory.tools.registry import RunTool
    from factory.tools.spec import ToolSpec


class Rationale(Kind[RationaleData, "RationaleTaskset"]):
    """A question, the reasoning, the final answer."""

    name = "rationale"
    settings = RationaleData
    own_format = RationaleFormat
    seed_formats = (SolvedMessagesFormat, Gsm8kFormat, MetaMathFormat, MathFormat, RationaleFormat)
    templates = ("rationale",)
    default_checks = ("schema", "finish_reason", "agreement", "degenerate", "dedup", "decontamination")
    refused_checks = {"execution": "the kind rationale has no calls to carry out"}
    prompting = Prompting(
        base="the bare question; free text, read for its final answer",
        student="the question as the task of reasoning; free text, read for its final answer",
    )
    editable = ("question", "rationale", "answer", "reference")
    tags = ("chain-of-thought",)
    tasks = tuple(PREFIXES)
    column_notes = {"task": COLUMN_NOTE}
    rows_note = "two for each rationale"

    # How answers are read and compared: whoever changes that counts this up, and older workspaces read the
    # answers that they have again.
    reading: ClassVar[Row] = {"reading": 2}

    def setting_faults(self, data: Row) -> Iterator[tuple[str, str]]:
        if data.get("keep") == "all" and data.get("max_kept") is not None:
            yield (
                "max_kept",
                "not with keep: all, which sets no limit; remove it, "
                "or choose keep: shortest or keep: diverse",
            )

    def taskset(
        self,
        data: RationaleData,
        seeds: list[Seed],
        tools: list[ToolSpec],
        run: RunTool,
        seed: int,
        own: Path | None,
    ) -> RationaleTaskset:
        from factory.tasks.rationale.taskset import RationaleTaskset

        return RationaleTaskset(
            seeds, examples=data.examples, seed=seed, own=own, answer_mark=data.answer_mark
        )

    def plan_identity(self, data: RationaleData, tools: list[ToolSpec], own_source: str | None) -> Row:
        mark = {"answer_mark": data.answer_mark} if data.answer_mark else {}
        return super().plan_identity(data, tools, own_source) | self.reading | mark

    def unvaried(self, seeds: list[Seed]) -> list[tuple[Seed, str]]:
        shown = [(seed, dataclasses.replace(seed, reference=seed.expression)) for seed in seeds]
        return [(seed, why) for seed, asked in shown if (why := unclear(asked))]

    def selection(self, data: RationaleData) -> tuple[str, int | None]:
        return data.keep, data.kept_limit

    def lessons(self, conversation: Conversation, answer: str | None) -> list[Conversation]:
        return both_tasks(conversation, answer) if answer else []

    def wrote(self, sample: Row, data: RationaleData, message: Row, text: str) -> str | None:
        from factory.tasks.rationale.marks import ends_with_answer, split_answer
        from factory.text.thinking import without_thinking

        if split_answer(text, data.answer_mark) != (sample["rationale"], sample["answer"]):
            return None
        # What follows the answer was seen by no check.
        ended = ends_with_answer(text, data.answer_mark)
        return without_thinking(text) if ended else str(message["content"])

    def task_weights(self, data: Row) -> dict[str, float]:
        return read_weights(data)

    def training_identity(self, data: RationaleData) -> Row:
        return {"rationale_weight": data.rationale_weight}

    def scorer(
        self, taskset: RationaleTaskset, held_out: list[Seed], chat_format: ChatFormat
    ) -> RationaleScorer:
        from factory.tasks.rationale.scorer import RationaleScorer

        return RationaleScorer(taskset, held_out)

    def remake(
        self, changed: Row, changes: dict[str, str], task: Task, own: Path | None, run: RunTool | None
    ) -> Sample:
        from factory.tasks.rationale.taskset import remake

        return remake(changed, task, own)
