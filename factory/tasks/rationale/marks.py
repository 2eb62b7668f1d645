"""Where the final answer stands in a text: behind `Answer:` in many languages, in `\\boxed{}`, behind `####`,
below a heading, behind `the answer is`, in `<answer>` at the end, or behind a mark of the person's own.

Promise: the last mark counts. `the answer is` without a colon is prose as often, and counts only where there
is no other mark. Linear time. The rationale is what stands before the mark; where the answer is boxed within
a sentence, the sentence stays, without the box.
"""

import re
from collections import deque
from dataclasses import dataclass

from factory.text.answers.equality import compare
from factory.text.thinking import split_thinking

_EMPHASIS = "*# \n"
_NAMES = (
    "final answer|answer|ans|endgültige antwort|antwort|respuesta final|respuesta|réponse finale|réponse|"
    "resposta final|resposta|risposta finale|risposta|antwoord|svar|odpowiedź|odpověď|cevap|yanıt|jawaban|"
    "đáp án|đáp số|ответ|відповідь|答案|答え|答|정답|답|उत्तर|الجواب|الإجابة|คำตอบ"
)
# The names of the first versions need no border before them: `正确答案：`.
_LABEL = re.compile(
    rf"(?:(?<![^\W_])(?:{_NAMES})|final answer|answer|答案|答え|정답)[*_]{{0,3}}"
    r"(?:\s*+(?:is|是|为|為|は|ist|lautet|est|es|é|è))?+\s*+[*_]{0,3}+\s*+[:：]\s*",
    re.IGNORECASE,
)
# What belongs to the mark and stands before its name: an article, the sign of a list, the opening of bold.
_LEAD = re.compile(
    r"(?:^[ \t]*(?:[-•>]|\d{1,2}[.)])[ \t]+|(?<![^\W_])(?:the|our|my|die|la|le|a|o) |"
    r"最[终終](?:的)?|最[后後](?:的|の)?|최종 ?|<(?:b|strong)>|[_*])+\Z",
    re.IGNORECASE | re.MULTILINE,
)
_LONGEST_OPENING = 40
_BOLD = (("__", "__"), ("<b>", "</b>"), ("<strong>", "</strong>"))
_HEADING = re.compile(
    rf"^(?:#{{1,6}} *[*_]{{0,3}}|[*_]{{2,3}})(?:the )?(?:{_NAMES})[*_]{{0,3}} *\n\s*",
    re.IGNORECASE | re.MULTILINE,
)
_HASHES = re.compile(r"^#### *(?=\S)", re.MULTILINE)
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*\{")
_BARE_BOX = re.compile(r"\\(?:boxed|fbox) +([^\s${}\\.,;]+)")
_TAGS = ("<answer>", "</answer>")  # as models write that learn by reward to put it there
_PROSE = re.compile(
    r"(?:(?<=\s)|(?<=[.!?。！？])|^)(?:(?:so|thus|therefore|hence|then|and so|also|daher|donc|"
    r"por lo tanto|所以|因此|故),? )?"
    r"(?:(?:the|our|my|die|la|le|a|o) )?(?:final |correct |right |richtige |endgültige )?"
    r"(?:(?:answer|(?<=correct )(?:option|choice)) (?:is|equals|would be|must be)|antwort (?:ist|lautet)|"
    r"respuesta (?:final )?es|réponse (?:finale )?est|resposta (?:final )?é|risposta (?:finale )?è)\s+"
    r"(?:(?:therefore|thus|then|also|daher|donc|por tanto|portanto|quindi) )?|"
    r"(?:所以|因此|故)?[，,]?(?:答案(?:是|为|為)|答えは)\s*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[。！？]|です")
_DELIMITERS = re.compile(
    r"(?:\$\$?|\\\[|\\\(|[*_]{1,3}|\s|(?:so|thus|therefore|hence|we get|:)\s)*$", re.IGNORECASE
)
_CLOSERS = re.compile(r"(?:\$\$?|\\\]|\\\)|[*_.。!\s])*")
_MOST_COMPARED = 8  # of earlier marks
_MOST_READ = 32  # of each kind, the last ones
_LONGEST_BOX, _LONGEST_LEAD = 2000, 200


@dataclass(frozen=True)
class Mark:
    """A final answer with its place: the rationale ends at `start`, the answer at `end`. `whole` is the
    rationale where it is more than what stands before."""

    start: int
    end: int
    answer: str
    whole: str | None = None


def split_answer(text: str, own: str | None = None) -> tuple[str, str] | None:
    """Return (rationale, answer) at the last mark, or None if there is no mark or nothing on one side of
    it. `own` is a person's own mark. What was thought before the answer begins the rationale."""
    thinking, said = _said(text)
    mark = _last(said, own)
    if mark is None:
        return None
    rationale = said[: mark.start] if mark.whole is None else mark.whole
    rationale = f"{thinking}\n{rationale.rstrip(_EMPHASIS)}".strip()
    return (rationale, mark.answer) if rationale and mark.answer else None


def ends_with_answer(text: str, own: str | None = None) -> bool:
    """Whether nothing follows the answer, no space is around the text, and no thinking or tag is in it."""
    mark = _last(text, own)
    return (
        mark is not None
        and text == text.strip()
        and _CLOSERS.fullmatch(text, mark.end) is not None
        and _said(text) == ("", text)
    )


def conflict(text: str, own: str | None = None) -> tuple[str, str] | None:
    """Return an earlier marked answer that is plainly another than the last, and the last."""
    answers = [mark.answer for mark in _marks(_said(text)[1], own) if mark.answer]
    for answer in list(dict.fromkeys(answers[:-1]))[-_MOST_COMPARED:]:
        found = compare(answer, answers[-1])
        if not found.equal and found.decided:
            return answer, answers[-1]
    return None


def _said(text: str) -> tuple[str, str]:
    """Return (thinking, text), the answer in the tags of its end behind a label, if it has no mark there."""
    thinking, said = split_thinking(text)
    opens, closes = _TAGS
    before, found, inner = said.rstrip().removesuffix(closes).rpartition(opens)
    if not found or not said.rstrip().endswith(closes):
        return thinking, said
    label = "" if _marks(inner, None) else "Answer: "
    return thinking, f"{before.rstrip()}\n{label}{inner.strip()}".strip()


def _last(text: str, own: str | None) -> Mark | None:
    marks = _marks(text, own)
    return marks[-1] if marks else None


def _marks(text: str, own: str | None) -> list[Mark]:
    """The marks in their order; those in prose only where there are no others."""
    patterns = [_LABEL, _HEADING, *([re.compile(re.escape(own) + r"\s*")] if own else [])]
    found = [_line(text, match) for pattern in patterns for match in _latest(pattern, text)]
    found += [_line(text, match) for match in list(_latest(_HASHES, text))[-1:] if _is_end(text, match)]
    labelled = sorted(found, key=lambda mark: (mark.start, mark.end))
    # `#### 42` may be a heading's line, and a box may stand behind a label: the outer one is the mark.
    boxes = [box for box in _boxes(text) if not any(mark.start <= box.start < mark.end for mark in labelled)]
    marks = sorted(
        [mark for mark in labelled if not any(box.start < mark.start < box.end for box in boxes)] + boxes,
        key=lambda mark: mark.end,
    )
    return marks or [_sentence(text, match) for match in _latest(_PROSE, text)]


def _latest(pattern: re.Pattern[str], text: str) -> deque[re.Match[str]]:
    return deque(pattern.finditer(text), _MOST_READ)


def _line(text: str, match: re.Match[str]) -> Mark:
    """The rest of the line is the answer."""
    begin = match.end()
    while begin < len(text) and text[begin] in _EMPHASIS:
        begin += 1
    rest = text[begin:].lstrip()
    begin = len(text) - len(rest)
    line = rest.splitlines()[0] if rest else ""
    lead = _LEAD.search(text, max(0, match.start() - _LONGEST_OPENING), match.start())
    start = lead.start() if lead else match.start()
    if (said := _PROSE.match(line)) and said.end() < len(line):
        # `Final answer: The final answer is 42. I hope it is correct.`
        answer = _sentence(line, said)
        return Mark(start, begin + answer.end, answer.answer)
    if (box := _BOX.search(line)) and (end := _closing(line, box.end())):
        return Mark(start, begin + len(line), line[box.end() : end].strip())
    return Mark(start, begin + len(line), _bare(line))


def _bare(line: str) -> str:
    """Return a line without what makes it bold."""
    while True:
        shorter = line.strip("* ")
        for opened, closed in _BOLD:
            shorter = shorter.removeprefix(opened).removeprefix(closed).removesuffix(closed)
        if shorter == line:
            return line
        line = shorter


def _is_end(text: str, match: re.Match[str]) -> bool:
    """Whether only other marks follow the line behind `####`, which otherwise is a heading."""
    rest = text[match.end() :].splitlines()[1:]
    return all(not line.strip() or _LABEL.search(line) or _PROSE.search(line) for line in rest)


def _boxes(text: str) -> list[Mark]:
    made = []
    for match in _latest(_BOX, text):
        end = _closing(text, match.end())
        if end is None:
            continue
        answer = " ".join(text[match.end() : end].split())
        if (label := _LABEL.match(answer)) is not None:
            answer = answer[label.end() :].strip("* ")
        made.append(_boxed(text, match.start(), end + 1, answer))
    made += [_boxed(text, match.start(), match.end(), match[1]) for match in _latest(_BARE_BOX, text)]
    return made


def _closing(text: str, place: int) -> int | None:
    depth = 1
    for at in range(place, min(len(text), place + _LONGEST_BOX)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return None


def _boxed(text: str, start: int, end: int, answer: str) -> Mark:
    line = text.rfind("\n", 0, start) + 1
    before = text[line:start]
    lead = max(0, len(before) - _LONGEST_LEAD)
    delimiters = _DELIMITERS.search(before, lead)
    bare = before[: delimiters.start()] if delimiters else before
    prose = next(
        (match for match in _PROSE.finditer(bare + " ", lead) if match.end() >= len(bare.rstrip())), None
    )
    if prose is not None:
        return Mark(line + prose.start(), end, answer)
    if not bare.strip():
        # A formula of its own opens on the line before.
        above = text[:line].rstrip()
        return Mark(len(above.removesuffix("\\[").removesuffix("$$")), end, answer)
    if bare.rstrip()[-1:] in ".!?。:":
        return Mark(line + len(bare), end, answer)
    # The box is a part of its sentence.
    stop = text.find("\n", end)
    rest = text[end : len(text) if stop < 0 else stop]
    return Mark(start, end, answer, f"{text[:start]}{answer}{rest}")


def _sentence(text: str, match: re.Match[str]) -> Mark:
    """The rest of the sentence is the answer."""
    line = text[match.end() :].split("\n", 1)[0]
    stop = _SENTENCE_END.search(line)
    end = match.end() + (stop.start() if stop else len(line))
    return Mark(match.start(), end, text[match.end() : end].strip("* "))
