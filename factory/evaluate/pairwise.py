"""Two answers to one task before a judge, once in each order.

Judges favour a place (Zheng et al., Judging LLM-as-a-judge, 2023, arXiv 2306.05685): only what is said of the
same answer in both orders counts, all else is a tie. What is judged is fenced and called data: it cannot end
the fence. Not promised: that a small judge judges well, or that it does not favour answers like its own.
"""

from dataclasses import dataclass
from pathlib import Path

from factory.chat_formats.unreadable import MAX_CHARACTERS
from factory.context.run import Run
from factory.system.digest import content_id
from factory.tasks.judging import fence
from factory.tasks.sample import Task
from factory.text.strict_json import JsonFault, strict_json
from factory.text.templates import render, template_digest
from factory.text.thinking import without_thinking

TEMPLATE = "judge_pair.j2"
VERDICTS = ("A", "B", "tie")
SCHEMA = {
    "type": "object",
    "properties": {"better": {"type": "string", "enum": list(VERDICTS)}},
    "required": ["better"],
    "additionalProperties": False,
}
WIN, TIE, LOSS = 1.0, 0.5, 0.0


def judge_id(run: Run) -> str:
    """Return the content id of the judge, the recipe's teacher, and of how it is asked."""
    teacher, switches = run.teacher, run.loaded.recipe.teacher.switches
    asked = template_digest(TEMPLATE, run.workspace.prompts)
    return content_id([teacher.name, teacher.revision, asked, *([switches] if switches else [])])


@dataclass(frozen=True)
class Pair:
    """An answer and another one to the same task; None for one that cannot be read."""

    task: Task
    answer: str | None
    against: str | None

    @property
    def plain(self) -> float | None:
        """The credit that needs no judge: what cannot be read loses, what is the same text is a tie, and so
        is what no judge would read to its end; None where the judge has to say."""
        if self.answer == self.against:
            return TIE
        if self.answer is None or self.against is None:
            return LOSS if self.answer is None else WIN
        length = len(self._task) + len(self.answer) + len(self.against)
        return TIE if length > 2 * MAX_CHARACTERS else None

    @property
    def _task(self) -> str:
        return f"{self.task.question}\n\n{self.task.input}".strip()

    def prompts(self, own: Path | None) -> tuple[str, str]:
        """Return what the judge is asked where the answer is A, and where it is B."""
        answer, against = self.answer or "", self.against or ""
        line = fence(self._task + answer + against)

        def prompt(first: str, second: str) -> str:
            return render(
                TEMPLATE,
                own,
                language=self.task.language,
                task=self._task,
                first=first,
                second=second,
                fence=line,
            )

        return prompt(answer, against), prompt(against, answer)


@dataclass(frozen=True)
class Judgement:
    """What came of a pair. `as_first` and `as_second` are the judge's words where the answer was A and where
    it was B, None for what was not asked or not said."""

    credit: float
    as_first: str | None = None
    as_second: str | None = None
    asked: bool = True

    @property
    def consistent(self) -> bool:
        """Whether the judge said the same of the answers in both orders."""
        return (self.as_first, self.as_second) in (("A", "B"), ("B", "A"), ("tie", "tie"))


def judgement(as_first: str | None, as_second: str | None) -> Judgement:
    """Return what two words of the judge make of a pair."""
    credit = {("A", "B"): WIN, ("B", "A"): LOSS}.get((as_first or "", as_second or ""), TIE)
    return Judgement(credit, as_first, as_second)


def verdict(text: str) -> str | None:
    """Return the judge's word, None if there is none of `VERDICTS` in its answer."""
    try:
        value = strict_json(without_thinking(text))
    except JsonFault:
        return None
    word = value.get("better") if isinstance(value, dict) else None
    return word if isinstance(word, str) and word in VERDICTS else None
