"""The drawings of a report in the order of the page, each with its caption and the SQL behind it."""

from markupsafe import Markup

from factory.report import distributions, figures, frontiers
from factory.report.model import Report
from factory.report.query import Table

_ACCURACY = (
    "Accuracy",
    "On held-out tasks. Filled: the call's result, or the final answer, equals the reference; of "
    "instructions, a judge prefers the answer. Hollow: the call is the reference call itself. Lines are "
    "95\N{NO-BREAK SPACE}% intervals (Wilson).",
)
_SPEED = (
    "Speed and memory",
    "Up and to the left is better. The area of a bubble is in proportion to the bytes of the weights.",
)
_FRONTIER = (
    "Each point is a trial of the search, by its number. On the line are those that no other beats; hollow "
    "ones are above a limit."
)
_BY_BYTES = ("Accuracy against bytes", _FRONTIER)
_BY_LATENCY = ("Accuracy against latency", _FRONTIER)
_CHECKS = (
    "Yield by check",
    "One bar a check: what it let through, then what it refused, by reason. No refused sample is thrown "
    "away.",
)
_LOSSES = (
    "Training",
    "As training logged it, first value → last value. The stages have different losses: compare shapes, not "
    "heights. Held-out are samples set aside: exact is how many are right to the letter, loss is "
    "cross-entropy, KL the divergence from the teacher, top-1 how often both have the same likeliest token.",
)


def drawings(report: Report) -> list[tuple[Markup, tuple[str, str], str]]:
    """Return each drawing that the report has data for, with title and caption, and the statement."""
    models, tables = report.sources.get("models", ""), {table.key: table for table in report.tables}
    checks_sql = "SELECT * FROM yield_by_check" if report.tables else ""
    uncertainty, lengths = tables.get("uncertainty"), tables.get("lengths")
    candidates = (
        (figures.accuracy(report.models), _ACCURACY, models),
        (figures.speed(report.models), _SPEED, models),
        (frontiers.frontier(report.trials, "weight_bytes"), _BY_BYTES, ""),
        (frontiers.frontier(report.trials, "latency_p50_s"), _BY_LATENCY, ""),
        (distributions.funnel(tables.get("funnel")), *_of(tables.get("funnel"))),
        (figures.checks(report.yield_), _CHECKS, checks_sql),
        (distributions.histogram(uncertainty, "uncertainty", "probability"), *_of(uncertainty)),
        (distributions.histogram(lengths, "lengths", "tokens"), *_of(lengths)),
        (figures.losses(report.losses), _LOSSES, report.sources.get("losses", "")),
    )
    return [(drawing, caption, sql) for drawing, caption, sql in candidates if drawing is not None]


def _of(table: Table | None) -> tuple[tuple[str, str], str]:
    return ((table.title, table.note), table.sql) if table else (("", ""), "")
