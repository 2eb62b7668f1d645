"""The kind `label`: where its settings, tasks and scorer are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from factory.seeds.seed import Seed
from factory.tasks.kind import Kind, Prepared, Prompting, Row
from factory.tasks.label.seeds import LabelFormat, SentenceLabelFormat, TextLabelFormat
from factory.tasks.label.settings import LabelData

if TYPE_CHECKING:
    from factory.chat_formats.format import ChatFormat
    from factory.tasks.label.scorer import LabelScorer
    from factory.tasks.label.taskset import LabelTaskset
    from factory.tasks.sample import Sample, Task
    from factory.text.reasons import ReasonCode
    from factory.tools.registry import RunTool
    from factory.tools.spec import ToolSpec


class Label(Kind[LabelData, "LabelTaskset"]):
    """A text, and which of a few labels it has."""

    name = "label"
    settings = LabelData
    own_format = LabelFormat
    seed_formats = (LabelFormat, TextLabelFormat, SentenceLabelFormat)
    templates = ("labels",)
    default_checks = ("schema", "finish_reason", "agreement", "dedup", "decontamination")
    refused_checks = {
        "execution": "the kind label has no calls to carry out",
        "degenerate": "a label is one of a few, and no text that could loop or refuse",
        "length": "a label is one of a few, however long",
    }
    telling_references = False
    references_answer = True
    prompting = Prompting(
        teacher="then the text; one of the labels is enforced",
        base="the bare text; free text, read as a label",
        student="the bare text; free text, read as a label",
    )
    editable = ("question", "answer", "reference")
    tags = ("text-classification",)
    export_columns = ("text", "label")
    column_notes = {"text": "`text`, `label`: what was labelled, and with what"}

    def require(self, prepared: Prepared[LabelData, LabelTaskset]) -> None:
        from factory.tasks.label.preflight import require_known, require_proof

        require_known(prepared)
        self.require_references(prepared.held_out)
        require_proof(prepared)

    def taskset(
        self,
        data: LabelData,
        seeds: list[Seed],
        tools: list[ToolSpec],
        run: RunTool,
        seed: int,
        own: Path | None,
    ) -> LabelTaskset:
        from factory.tasks.label.taskset import LabelTaskset

        return LabelTaskset(
            seeds,
            data.labels,
            examples=data.examples,
            about=data.task,
            new_texts=data.new_texts,
            seed=seed,
            own=own,
        )

    def reference_texts(self, taskset: LabelTaskset, task: Task) -> list[str]:
        from factory.tasks.label.answer import quoted

        return [quoted(task.reference)]

    def setting_faults(self, data: Row) -> Iterator[tuple[str, str]]:
        if data.get("new_texts") and data.get("answers", "teacher") != "teacher":
            yield "new_texts", "a new text has no reference; write answers: teacher, or remove it"

    def plan_identity(self, data: LabelData, tools: list[ToolSpec], own_source: str | None) -> Row:
        new = {"new_texts": data.new_texts} if data.new_texts else {}
        return super().plan_identity(data, tools, own_source) | self.evaluation_identity(data) | new

    def requests_per_answer(self, data: LabelData) -> int:
        return 2 if data.new_texts else 1  # the text is asked for, then read

    def evaluation_identity(self, data: LabelData) -> Row:
        # Their order is in the prompt, and a mapping in an id has none.
        return {"labels": [list(one) for one in data.labels.items()], "task": data.task}

    def wrote(self, sample: Row, data: LabelData, message: Row, text: str) -> str | None:
        from factory.tasks.label.answer import read_label

        # The teacher writes the label in quotes, a student without.
        label, _, _ = read_label(text, tuple(data.labels))
        return label if label == message["content"] else None

    def labels(self, data: LabelData) -> tuple[str, ...]:
        return tuple(data.labels)

    def label_probabilities(
        self, data: LabelData, sample: Row, question: str, answer: Row, spell: Callable[[Sequence[int]], str]
    ) -> dict[str, float] | ReasonCode:
        from factory.tasks.label.answer import quoted, read_label
        from factory.tasks.label.distribution import distribution

        messages = answer["messages"]
        asked = json.loads(messages) if isinstance(messages, str) else messages
        label, _, _ = read_label(answer["text"], data.labels)
        if asked[-1]["content"] != question or label != sample["answer"]:
            return "edited"
        if not answer["topk_ids"]:
            return "no_logprobs"
        forms = {name: quoted(name) for name in data.labels}
        columns = answer["token_ids"], answer["topk_ids"], answer["topk_logprobs"]
        return distribution(forms, *columns, spell) or "no_distribution"

    def scorer(self, taskset: LabelTaskset, held_out: list[Seed], chat_format: ChatFormat) -> LabelScorer:
        from factory.tasks.label.scorer import LabelScorer

        return LabelScorer(taskset)

    def remake(
        self, changed: Row, changes: dict[str, str], task: Task, own: Path | None, run: RunTool | None
    ) -> Sample:
        from factory.tasks.label.taskset import remake

        return remake(changed, task)

    def export_values(self, stored: Row) -> Row:
        return {"text": stored["question"], "label": stored["answer"]}
