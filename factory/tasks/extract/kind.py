"""The kind `extract`: where its settings, tasks and scorer are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from factory.seeds.seed import Seed
from factory.tasks.extract.seeds import ExtractFormat
from factory.tasks.extract.settings import ExtractData
from factory.tasks.kind import Kind, Prepared, Prompting, Row

if TYPE_CHECKING:
    from factory.chat_formats.format import ChatFormat
    from factory.tasks.extract.scorer import ExtractScorer
    from factory.tasks.extract.taskset import ExtractTaskset
    from factory.tasks.sample import Sample, Task
    from factory.tools.registry import RunTool
    from factory.tools.spec import ToolSpec


class Extract(Kind[ExtractData, "ExtractTaskset"]):
    """A text, and the fields that it holds as JSON."""

    name = "extract"
    settings = ExtractData
    own_format = ExtractFormat
    seed_formats = (ExtractFormat,)
    templates = ("extract",)
    default_checks = ("schema", "finish_reason", "agreement", "dedup", "decontamination")
    refused_checks = {
        "execution": "the kind extract has no calls to carry out",
        "degenerate": "fields are held to a schema and compared; as JSON they are in no language",
    }
    references_answer = True
    prompting = Prompting(
        teacher="then the text; the JSON schema of the fields is enforced",
        base="the bare text; free text, read as JSON",
        student="the bare text; free text, read as JSON",
    )
    editable = ("question", "answer", "reference")
    tags = ("information-extraction",)
    export_columns = ("text", "fields")
    column_notes = {"text": "`text`, `fields`: what was read, and what was found in it as JSON text"}

    def schema_file(self, data: ExtractData) -> str:
        return data.schema

    def located(self, data: ExtractData, resolve: Callable[[str], Path]) -> ExtractData:
        return data.model_copy(update={"schema": str(resolve(data.schema))})

    def require(self, prepared: Prepared[ExtractData, ExtractTaskset]) -> None:
        from factory.tasks.extract.preflight import require_fitting, require_proof

        require_fitting(prepared)
        self.require_references(prepared.held_out)
        require_proof(prepared)

    def require_askable(self, prepared: Prepared[ExtractData, ExtractTaskset]) -> None:
        from factory.tasks.extract.preflight import require_grammar

        require_grammar(prepared)

    def taskset(
        self,
        data: ExtractData,
        seeds: list[Seed],
        tools: list[ToolSpec],
        run: RunTool,
        seed: int,
        own: Path | None,
    ) -> ExtractTaskset:
        from factory.tasks.extract.form import read_form
        from factory.tasks.extract.taskset import ExtractTaskset

        form = read_form(Path(data.schema))
        return ExtractTaskset(seeds, form, examples=data.examples, about=data.task, own=own)

    def reference_texts(self, taskset: ExtractTaskset, task: Task) -> list[str]:
        return [taskset.form.written(json.loads(task.reference))]

    def plan_identity(self, data: ExtractData, tools: list[ToolSpec], own_source: str | None) -> Row:
        return super().plan_identity(data, tools, own_source) | self.evaluation_identity(data)

    def evaluation_identity(self, data: ExtractData) -> Row:
        from factory.tasks.extract.form import read_form

        # As text: the order of the fields is in every prompt and every answer, and a mapping in an id has
        # none.
        form = read_form(Path(data.schema))
        return {"schema": form.text, "task": data.task}

    def scorer(self, taskset: ExtractTaskset, held_out: list[Seed], chat_format: ChatFormat) -> ExtractScorer:
        from factory.tasks.extract.scorer import ExtractScorer

        return ExtractScorer(taskset)

    def remake(
        self, changed: Row, changes: dict[str, str], task: Task, own: Path | None, run: RunTool | None
    ) -> Sample:
        from factory.tasks.extract.taskset import remake

        return remake(changed, task)

    def export_values(self, stored: Row) -> Row:
        return {"text": stored["question"], "fields": stored["answer"]}
