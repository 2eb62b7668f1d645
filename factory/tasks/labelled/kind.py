"""The kind `labelled`: where its settings, tasks and scorer are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from factory.seeds.seed import Seed
from factory.tasks.kind import Kind, Prompting, Row
from factory.tasks.labelled.seeds import FORMATS, ConversationFormat
from factory.tasks.labelled.settings import LabelledData

if TYPE_CHECKING:
    from factory.chat_formats.format import ChatFormat
    from factory.tasks.labelled.scorer import ConversationScorer
    from factory.tasks.labelled.taskset import LabelledTaskset
    from factory.tasks.sample import Sample, Task
    from factory.tools.registry import RunTool
    from factory.tools.spec import ToolSpec


class Labelled(Kind[LabelledData, "LabelledTaskset"]):
    """Conversations that people, or a model in use, wrote."""

    name = "labelled"
    settings = LabelledData
    own_format = ConversationFormat
    seed_formats = FORMATS
    templates = ("assistant",)
    default_checks = ("schema", "degenerate", "dedup", "decontamination")
    refused_checks = {
        "execution": "labelled conversations hold the results of their calls",
        "agreement": "labelled conversations are not asked again, so there is nothing to compare",
        "judge": "labelled conversations are put to nobody",
    }
    calls_tools = True
    is_asked = False
    free_text = True
    prompting = Prompting(
        teacher="none of them used here: the conversation up to its last question",
        base="the conversation up to its last question; free text, or {chat_format} tool calls",
        student="the conversation up to its last question; free text, or {chat_format} tool calls",
    )
    editable = ("messages",)
    tags = ("conversations",)

    def setting_faults(self, data: Row) -> Iterator[tuple[str, str]]:
        for key in ("samples_per_prompt", "examples", "budget"):
            if data.get(key) is not None:
                yield key, "nobody is asked for labelled conversations; remove it"

    def start(self, source: Path) -> tuple[dict[str, str], list[str]]:
        from factory.tasks.labelled.starter import start

        return start(source)

    def taskset(
        self,
        data: LabelledData,
        seeds: list[Seed],
        tools: list[ToolSpec],
        run: RunTool,
        seed: int,
        own: Path | None,
    ) -> LabelledTaskset:
        from factory.tasks.labelled.taskset import LabelledTaskset

        return LabelledTaskset(seeds)

    def plan_identity(self, data: LabelledData, tools: list[ToolSpec], own_source: str | None) -> Row:
        # How conversations are read: whoever changes that counts this up.
        return {"kind": data.kind, "reading": 1}

    def scorer(
        self, taskset: LabelledTaskset, held_out: list[Seed], chat_format: ChatFormat
    ) -> ConversationScorer:
        from factory.tasks.labelled.scorer import ConversationScorer

        return ConversationScorer(held_out, chat_format)

    def remake(
        self, changed: Row, changes: dict[str, str], task: Task, own: Path | None, run: RunTool | None
    ) -> Sample:
        from factory.tasks.labelled.review import remake

        return remake(changed, changes, task)
