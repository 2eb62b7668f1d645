"""The report as one HTML page that needs nothing but itself: no network, no script, no font, one style sheet.

Promise: every text from the data is made visible and then escaped, so that it can neither act nor hide; what
is missing is said or left out, never a broken page; the same report gives the same bytes. Long texts of a
sample are cut here and whole in `report.json`.
"""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from factory.report import distributions, figures, frontiers
from factory.report.figures import ROLES
from factory.report.headline import headline, remarks
from factory.report.measured import columns
from factory.report.model import Report
from factory.report.query import Table
from factory.report.run import Stage
from factory.report.svg import THEME
from factory.text import quantities
from factory.text.reasons import sentence
from factory.text.visible import escape_hidden, truncate

_LONGEST_TEXT = 1200
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def render_page(report: Report) -> str:
    """Return the whole page."""
    models, tables = report.sources.get("models", ""), {table.key: table for table in report.tables}
    drawn = [
        (drawing, caption, sql)
        for drawing, caption, sql in (
            (figures.accuracy(report.models), _ACCURACY, models),
            (figures.speed(report.models), _SPEED, models),
            (frontiers.frontier(report.trials, "weight_bytes"), _BY_BYTES, ""),
            (frontiers.frontier(report.trials, "latency_p50_s"), _BY_LATENCY, ""),
            (distributions.funnel(tables.get("funnel")), *_of(tables.get("funnel"))),
            (
                figures.checks(report.yield_),
                _CHECKS,
                "SELECT * FROM yield_by_check" if report.tables else "",
            ),
            (
                distributions.histogram(tables.get("uncertainty"), "uncertainty", "probability"),
                *_of(tables.get("uncertainty")),
            ),
            (
                distributions.histogram(tables.get("lengths"), "lengths", "tokens"),
                *_of(tables.get("lengths")),
            ),
            (figures.losses(report.losses), _LOSSES, report.sources.get("losses", "")),
        )
        if drawing is not None
    ]
    shown = [table for table in report.tables if table.key in _SHOWN]
    page = _environment().get_template("page.html.j2")
    return page.render(
        tables=shown,
        stages_sql=tables["stages"].sql if "stages" in tables else "",
        report=report,
        columns=columns(report.models),
        headline=headline(report),
        remarks=remarks(report),
        figures=drawn,
        timeline=_timeline(report.stages),
        theme=THEME,
    )


_SHOWN = {"reasons", "coverage", "tools", "cost", "ending"}


def _of(table: Table | None) -> tuple[tuple[str, str], str]:
    return ((table.title, table.note), table.sql) if table else (("", ""), "")


_ACCURACY = (
    "Accuracy",
    "On held-out tasks. Filled: the call's result, or the final answer, equals the reference. Hollow: the "
    "call is the reference call itself. Lines are 95\N{NO-BREAK SPACE}% intervals (Wilson).",
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
    "heights. Held-out are samples set aside: loss is cross-entropy, KL the divergence from the teacher, "
    "top-1 how often both have the same likeliest token.",
)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": quantities.percent,
        "figure": lambda row: quantities.figure(row.value, row.unit),
        "interval": lambda row: quantities.interval(row.low, row.high, row.unit),
        "number": quantities.number,
        "value": _value,
        "size": quantities.size,
        "duration": quantities.duration,
        "latency": quantities.latency,
        "cut": lambda text: truncate(text, _LONGEST_TEXT),
        "reason": sentence,
        "lang": lambda tag: tag if tag and _LANGUAGE_TAG.fullmatch(tag) else "",
    }
    environment.globals |= {"roles": ROLES}
    return environment


def _finalize(value: Any) -> Any:
    """Make visible each text on its way into the page; only our own drawings are markup, and theirs was made
    visible before."""
    return escape_hidden(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _value(value: str | int | float | bool | None) -> str:
    """A cell of a table: a number as it is, so that it is the one that the statement returns."""
    if value is None:
        return quantities.MISSING
    if isinstance(value, str | bool):
        return str(value)
    return f"{value:,}"


def _timeline(stages: list[Stage]) -> list[tuple[Stage, float, float]]:
    """Each stage with the start and the length of its bar in per cent of the whole."""
    whole = sum(stage.seconds for stage in stages) or 1.0
    rows, start = [], 0.0
    for stage in stages:
        rows.append((stage, round(100 * start / whole, 2), round(100 * stage.seconds / whole, 2)))
        start += stage.seconds
    return rows
