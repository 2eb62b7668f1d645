"""A kind of data: its settings, its tasks, how a student learns from it and is measured, how people edit
and export it.

Promise: everything that depends on the kind is asked here; the rest of the house finds a kind by its name in
`factory.tasks.kinds` and never asks which one it is. Importing a kind is cheap: what a method needs is
imported when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from factory.errors import InputError
from factory.seeds.format import SeedFormat
from factory.seeds.seed import Seed
from factory.tasks.settings import CustomTools, DataSettings
from factory.text.gathered import RowFault, gathered

if TYPE_CHECKING:
    from factory.chat_formats.format import ChatFormat
    from factory.tasks.conversation import Conversation
    from factory.tasks.sample import Sample, Task
    from factory.tasks.scorer import Scorer
    from factory.tasks.taskset import Taskset
    from factory.text.reasons import ReasonCode
    from factory.tools.registry import RunTool
    from factory.tools.spec import ToolSpec

Row = dict[str, Any]
S = TypeVar("S", bound=DataSettings)
T = TypeVar("T", bound="Taskset")

# Metrics that a kind may be measured by, in the order in which one speaks for several kinds.
RIGHT, PREFERRED = "answer_accuracy", "preferred"
MAIN = (RIGHT, PREFERRED)


@dataclass(frozen=True)
class Prompting:
    """How each model is asked in an evaluation, in words for the report; a teacher's follows its examples,
    where it is shown any."""

    teacher: str = "then the question"
    base: str = "the bare question; free text"
    student: str = "the bare question; free text"
    examples: bool = True

    def read_as(self, chat_format: str) -> Prompting:
        """Return the same with `{chat_format}` filled in."""
        return replace(
            self,
            base=self.base.format(chat_format=chat_format),
            student=self.student.format(chat_format=chat_format),
        )


@dataclass(frozen=True)
class Prepared(Generic[S, T]):
    """What a kind looks at before a model is loaded. `learns`: a student is to be trained or measured.
    `served`: the teacher is behind servers. `say` tells a person what is no fault."""

    recipe: Path
    data: S
    seeds: list[Seed]
    held_out: list[Seed]
    taskset: T
    checks: tuple[str, ...]
    learns: bool
    served: bool = False
    say: Callable[[str], None] = print


class Kind(Generic[S, T]):
    """A kind of data. What is not overridden suits a question and its answer in words."""

    name: ClassVar[str]
    settings: type[S]

    own_format: ClassVar[type[SeedFormat]]  # the row of a seed in this project's own files
    seed_formats: ClassVar[tuple[type[SeedFormat], ...]]  # every one that serves, its own among them
    templates: ClassVar[tuple[str, ...]] = ()  # shipped recipes that `factory init` copies

    default_checks: ClassVar[tuple[Any, ...]] = ("schema", "finish_reason", "dedup", "decontamination")
    required_checks: ClassVar[tuple[str, ...]] = ("schema",)
    refused_checks: ClassVar[dict[str, str]] = {}  # check -> why it cannot be asked for

    calls_tools: ClassVar[bool] = False  # samples hold calls
    tools_by_task: ClassVar[bool] = False  # seeds bring their tools, and a student has to see them
    is_asked: ClassVar[bool] = True  # the teacher is; else samples are there without it
    references_answer: ClassVar[bool] = False  # a reference is a whole answer, see `reference_texts`
    free_text: ClassVar[bool] = False  # answers are of any length, and their mean is a figure
    telling_references: ClassVar[bool] = True  # the same reference may give a held-out task away
    shows_samples: ClassVar[bool] = False  # accepted samples appear in later prompts
    untrained: ClassVar[str] = ""  # why no student is trained on it; empty where one is
    tasks: ClassVar[
        tuple[str, ...]
    ] = ()  # names of the rows of a sample, where a student learns it as several
    rows_note: ClassVar[str] = ""  # how many these are, in words
    prompting: ClassVar[Prompting] = Prompting()
    # What a model is measured by above all; `PREFERRED`: no answer is the right one, so a judge compares two.
    main_metric: ClassVar[str] = RIGHT
    asked_in: ClassVar[str] = ""  # template in which every model reads a held-out task; empty: it has none

    editable: ClassVar[tuple[str, ...]] = ()  # columns of a sample that a person may change

    tags: ClassVar[tuple[str, ...]] = ()  # of an exported dataset on the Hugging Face Hub
    export_columns: ClassVar[tuple[str, ...]] = ()
    column_notes: ClassVar[dict[str, str]] = {}  # column -> its line in the card

    # The recipe.

    def setting_faults(self, data: Row) -> Iterator[tuple[str, str]]:
        """Yield (key, message) of every rule between settings that `data`, as written, breaks."""
        return iter(())

    def tool_file(self, data: S) -> str | None:
        """Return the file of tool specifications that the settings name."""
        return None

    def schema_file(self, data: S) -> str | None:
        """Return the file of a JSON Schema that the settings name."""
        return None

    def located(self, data: S, resolve: Callable[[str], Path]) -> S:
        """Return the settings with the paths that the kind itself reads resolved."""
        return data

    def start(self, source: Path) -> tuple[dict[str, str], list[str]]:
        """Return the files of a new workspace made of a person's file, by name, and what to tell about
        them."""
        raise NotImplementedError

    def custom_tools(self, data: S) -> CustomTools | None:
        """Return where a person's own tools are carried out."""
        return None

    def require(self, prepared: Prepared[S, T]) -> None:
        """Raise InputError for what is wrong with seeds, held-out tasks or tools."""
        if prepared.learns:
            self.require_references(prepared.held_out)

    def require_askable(self, prepared: Prepared[S, T]) -> None:
        """Raise InputError for what the teacher cannot be held to. It may take seconds: it is called when
        something has to be asked, before the teacher is opened."""

    def require_references(self, held_out: list[Seed]) -> None:
        """Raise InputError for held-out tasks that nothing could be measured by."""
        if blind := [seed for seed in held_out if not seed.reference]:
            raise InputError(
                "\n".join(
                    gathered(
                        RowFault(
                            seed.source,
                            seed.line,
                            f"the held-out task {seed.name} has no reference to be measured by",
                            "no reference",
                        )
                        for seed in blind
                    )
                ),
                "Write their references, or remove the tasks.",
            )

    # What is made.

    def taskset(
        self, data: S, seeds: list[Seed], tools: list[ToolSpec], run: RunTool, seed: int, own: Path | None
    ) -> T:
        """Return the tasks of a recipe; `run` carries a call out, `own` is the folder of own templates."""
        raise NotImplementedError

    def unvaried(self, seeds: list[Seed]) -> list[tuple[Seed, str]]:
        """Return the seeds that are asked as they are because other numbers could make their references
        wrong, and why."""
        return []

    def reference_texts(self, taskset: T, task: Task) -> list[str]:
        """Return what a teacher would write, turn by turn, that answers a task by its reference, and nothing
        where that is no whole answer; only where `references_answer`."""
        raise NotImplementedError

    def plan_identity(self, data: S, tools: list[ToolSpec], own_source: str | None) -> Row:
        """Return the settings that decide which questions are put; they go into ids, so no key may change."""
        return {"kind": data.kind, "draws": data.samples_per_prompt, "examples": data.examples}

    def evaluation_identity(self, data: S) -> Row:
        """Return the settings that decide how held-out tasks are put and judged, beside seeds and templates;
        they go into ids."""
        return {}

    def requests_per_answer(self, data: S) -> int:
        """Return how many requests an answer to one question may take, such as the turns of a dialogue."""
        return 1

    def selection(self, data: S) -> tuple[str, int | None] | None:
        """Return which of a question's right answers stay and how many at most; None where all do."""
        return None

    # What is learnt.

    def lessons(self, conversation: Conversation, answer: str | None) -> list[Conversation]:
        """Return what a student learns of a sample, a conversation for each row; `answer` is the sample's."""
        return [conversation]

    def wrote(self, sample: Row, data: S, message: Row, text: str) -> str | None:
        """Return what of a text of the teacher's belongs in a turn that holds `message`; None where it says
        something else than was accepted."""
        from factory.text.thinking import without_thinking

        said = without_thinking(text)
        return said if said.strip() == message["content"] else None

    def labels(self, data: S) -> tuple[str, ...]:
        """Return the labels, one of which every answer is; none where answers are of another form. A student
        may have a head for them."""
        return ()

    def label_probabilities(
        self, data: S, sample: Row, question: str, answer: Row, spell: Callable[[Sequence[int]], str]
    ) -> dict[str, float] | ReasonCode:
        """Return how likely the teacher found each of the `labels` in a stored answer, or the reason code why
        that is not known; `spell` gives the text of its tokens."""
        return "no_distribution"

    def task_weights(self, data: Row) -> dict[str, float]:
        """Return what a row of each of `tasks` weighs by `data`, the settings as a stored recipe has them."""
        return {}

    def training_identity(self, data: S) -> Row:
        """Return the settings that decide what is learnt from the samples; they go into ids."""
        return {}

    def scorer(self, taskset: T, held_out: list[Seed], chat_format: ChatFormat) -> Scorer:
        """Return how held-out tasks are put to a model and its answers are judged."""
        raise InputError(
            f"a student of the kind {self.name} cannot be measured: {self.untrained or 'it has no scorer'}",
            "Remove student, and use: factory export",
        )

    # What people do with it.

    def shown_fields(self, row: Row) -> tuple[str, ...]:
        """Return the columns of one stored sample that are offered to be changed."""
        return self.editable

    def remake(
        self, changed: Row, changes: dict[str, str], task: Task, own: Path | None, run: RunTool | None
    ) -> Sample:
        """Return the sample that an edited row makes; what follows from the rest is worked out again. `run`
        carries calls out; None: only those of tools that ship can be."""
        raise InputError(f"a sample of the kind {self.name} cannot be edited")

    def export_values(self, stored: Row) -> Row:
        """Return the values of `export_columns` for a stored sample."""
        return {}
