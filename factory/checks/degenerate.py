"""`degenerate`: the text is text, and an answer: not a loop, a refusal, the wrong language, or something
meant for a machine to obey.

What is judged is the rationale and the answer, or what the teacher wrote where there is no answer; signs that
harm a chat template or a database are also looked for in the question, which may be the teacher's too.
Promise: bounded time, whatever is in the text: what is too large is not searched. The promises and limits of
each sign are in `repetition.py`, `language.py`, `refusals.py` and `phrases.py`.
"""

from collections.abc import Iterable
from typing import Any

from factory.chat_formats.control_token import control_token
from factory.chat_formats.unreadable import MAX_CHARACTERS, not_text
from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample
from factory.text.language import wrong_language
from factory.text.phrases import instruction_to_judge, template_syntax
from factory.text.reasons import ReasonCode
from factory.text.refusals import OTHERS, refusal
from factory.text.repetition import repetition


class DegenerateCheck:
    """Fails with too_large, empty, not_text, control_token, instruction_to_judge, template_syntax, refusal,
    repetition, wrong_language.
    """

    name = "degenerate"

    def __init__(self, languages: Iterable[str] = (), refusals: Iterable[str] = ()) -> None:
        """`languages`: those of the seeds, in which refusals are known too; `refusals`: a person's own
        phrases."""
        self._languages, self._refusals = OTHERS & set(languages), tuple(sorted(set(refusals)))
        # The signs are code: whoever changes what they find changes this number, so that the old verdicts do
        # not stand for the new.
        self.settings: dict[str, Any] = {"signs": 3, "max_characters": MAX_CHARACTERS}
        # Named only where they decide: other verdicts stay valid.
        if self._languages:
            self.settings["languages"] = sorted(self._languages)
        if self._refusals:
            self.settings["refusals"] = list(self._refusals)

    def judge(self, sample: Sample) -> Verdict:
        question, answer = sample.task.question, sample.text if sample.answer is None else sample.answer
        rationale = sample.rationale or ""
        largest = max(map(len, (question, answer, rationale, sample.text)))
        if largest > MAX_CHARACTERS:
            return Verdict(False, "too_large", f"{largest} characters, at most {MAX_CHARACTERS} are read")
        if not answer.strip():
            return Verdict(False, "empty")
        if character := not_text("\n".join((question, answer, rationale, sample.text))):
            return Verdict(False, "not_text", character)
        prose = f"{rationale}\n{answer}" if rationale else answer
        if token := control_token(f"{question}\n{prose}"):
            return Verdict(False, "control_token", token)
        signs: dict[ReasonCode, str | None] = {
            "instruction_to_judge": instruction_to_judge(question, prose),
            "template_syntax": template_syntax(question, prose),
            "refusal": self._refusal(answer) or (self._refusal(rationale) if rationale else None),
            "repetition": repetition(prose),
        }
        # A call in JSON is in no language; the answer that is made of it is.
        if sample.task.family != "translation" and not (
            sample.answer is None and answer.lstrip()[:1] in "{["
        ):
            signs["wrong_language"] = wrong_language(sample.task.language, question, prose)
        return next((Verdict(False, reason, detail) for reason, detail in signs.items() if detail), OK)

    def _refusal(self, text: str) -> str | None:
        return refusal(text, self._languages, self._refusals)
