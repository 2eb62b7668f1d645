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

from factory.report.headline import headline, remarks
from factory.report.measured import columns
from factory.report.model import Report
from factory.report.run import Stage
from factory.report.theme import ROLES, THEME
from factory.system.extras import is_installed
from factory.text import quantities
from factory.text.reasons import sentence
from factory.text.visible import escape_hidden, truncate

DRAWINGS_EXTRA = "pip install 'distill-factory[pictures]'"
_LONGEST_TEXT = 1200
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def render_page(report: Report) -> str:
    """Return the whole page."""
    tables = {table.key: table for table in report.tables}
    shown = [table for table in report.tables if table.key in _SHOWN]
    page = _environment().get_template("page.html.j2")
    return page.render(
        tables=shown,
        stages_sql=tables["stages"].sql if "stages" in tables else "",
        report=report,
        columns=columns(report.models),
        headline=headline(report),
        remarks=remarks(report),
        figures=_drawings(report),
        missing="" if has_drawings() else DRAWINGS_EXTRA,
        timeline=_timeline(report.stages),
        theme=THEME,
    )


def has_drawings() -> bool:
    """Whether the package that draws is installed."""
    return is_installed("matplotlib")


def _drawings(report: Report) -> list[tuple[Markup, tuple[str, str], str]]:
    if not has_drawings():
        return []
    from factory.report.drawings import drawings

    return drawings(report)


_SHOWN = {"reasons", "coverage", "lost_seeds", "tools", "cost", "exact", "judge_agreement", "ending"}


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
