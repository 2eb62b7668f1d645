"""The run in one or two plain sentences, from numbers of the report only.

Promise: no comparison without both of its sides, and no claim that intervals contradict: where they overlap,
the second line says so.
"""

from factory.report.measured import Measured, MetricRow
from factory.report.model import Report
from factory.tasks.kind import PREFERRED
from factory.text.quantities import percent, times


def headline(report: Report) -> str:
    """What the student does, next to its teacher and to itself before training; then what compression made of
    it."""
    student, compressed = report.measured("student"), report.measured("student_quantized")
    if student is not None:
        sentence = f"The student {_does(student)} {_score(student)}{_others(report, student)}."
        return sentence if compressed is None else f"{sentence} {_compression(compressed, student)}"
    if compressed is not None:
        does = f"{_does(compressed)} {_score(compressed)}"
        return f"The compressed student {does}{_others(report, compressed)}."
    teacher = report.measured("teacher")
    if teacher is not None:
        return f"The teacher {_does(teacher)} {_score(teacher)}; no student has been measured yet."
    kept = report.yield_
    if kept.asked:
        return (
            f"{kept.accepted:,} of {kept.asked:,} answers asked for were accepted; "
            "no model has been measured yet."
        )
    return "Nothing has been measured yet."


def remarks(report: Report) -> list[str]:
    """What a careful reader wants beside the headline: the yield, the retention, and what chance could
    explain."""
    sentences = []
    kept = report.yield_
    if kept.share is not None:
        sentences.append(
            f"{kept.accepted:,} of {kept.asked:,} answers were accepted ({percent(kept.share)})."
        )
    if kept.edited or kept.overruled:
        sentences.append(
            f"Of the accepted, {kept.edited:,} were edited by a person, "
            f"and {kept.overruled:,} accepted by one against a check."
        )
    for gate in report.gates:
        which = "recovered" if gate.role == "student_recovered" else "compressed"
        outcome = "it passes the accuracy gate" if gate.passed else "it fails the accuracy gate"
        lost = f"loses {gate.accuracy_drop * 100:.1f}" if gate.accuracy_drop > 0 else "loses none"
        sentences.append(
            f"The {which} student {lost} of a hundred tasks, "
            f"{gate.max_accuracy_drop * 100:.1f} are allowed: {outcome}."
        )
    student = report.shipped
    teacher = report.measured("teacher")
    if student is None or teacher is None:
        return sentences
    if report.retention is not None:
        sentences.append(f"The student that ships has {percent(report.retention)} of its teacher's accuracy.")
    if _overlap(student, teacher):
        sentences.append(
            "Its 95\N{NO-BREAK SPACE}% interval overlaps the teacher's: the difference may be chance."
        )
    return sentences


def _score(model: Measured) -> str:
    return f"{percent(_right(model).value)} of {_right(model).n:,} held-out tasks"


def _right(model: Measured) -> MetricRow:
    # `Report.measured` returns no model without it.
    assert model.main is not None
    return model.main


def _does(model: Measured) -> str:
    """Return what a share of the tasks is one of, as a verb: answered rightly, or preferred by a judge."""
    return "is preferred to the reference in" if _right(model).name == PREFERRED else "answers"


def _others(report: Report, student: Measured) -> str:
    sentences = []
    for model, words in (
        (report.measured("teacher"), "its teacher"),
        (report.measured("base"), "the untrained base"),
    ):
        if model is not None:
            same_tasks = _right(model).n == _right(student).n
            sentences.append(f"{words} {percent(_right(model).value) if same_tasks else _score(model)}")
    return f"; {', '.join(sentences)}" if sentences else ""


def _compression(small: Measured, student: Measured) -> str:
    same_tasks = _right(small).n == _right(student).n
    score = percent(_right(small).value) if same_tasks else _score(small)
    still = " still" if same_tasks and score == percent(_right(student).value) else ""
    ratios = []
    if small.tokens_per_s and student.tokens_per_s:
        ratios.append(f"{times(small.tokens_per_s / student.tokens_per_s)} times the speed")
    bytes_small, bytes_student = small.value("weight_bytes"), student.value("weight_bytes")
    if bytes_small and bytes_student:
        ratios.append(f"{times(bytes_small / bytes_student)} times the size")
    cost = f", at {' and '.join(ratios)}" if ratios else ""
    to = f" to {small.precision}" if small.precision else ""
    return f"Compressed{to} it{still} {_does(small)} {score}{cost}."


def _overlap(one: Measured, other: Measured) -> bool:
    first, second = _right(one), _right(other)
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return False
    return first.low <= second.high and second.low <= first.high
