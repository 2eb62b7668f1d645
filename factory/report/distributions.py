"""Drawings of the report's tables: the funnel of the checks, and how samples spread over a quantity, accepted
above rejected.

Promise: as `figures`: 360 points wide, told again in words, nothing from the data interpreted; None where
there is nothing to draw.
"""

from markupsafe import Markup

from factory.report.query import Table
from factory.report.svg import Canvas, drawing, light
from factory.text.quantities import percent
from factory.text.visible import escape_hidden

_WIDTH = 360.0


def funnel(table: Table | None) -> Markup | None:
    """One bar a step, each in proportion to the first; beside it what is left and what fell out since the
    step before."""
    if table is None or not table.rows:
        return None
    steps = [(_short(str(step), 32), int(count or 0)) for step, count in table.rows]
    most = max(count for _, count in steps) or 1
    row = 30.0
    with drawing():
        canvas = Canvas(_WIDTH, row * len(steps) + 4)
        axes = canvas.axes(0, 0, _WIDTH, row * len(steps))
        axes.set_axis_off()
        axes.set(xlim=(0, most), ylim=(row * len(steps), 0))
        before = None
        for place, (step, count) in enumerate(steps):
            top = row * place
            fallen = f"{before - count:,} fell out · " if before is not None and before > count else ""
            canvas.text(0, top + 12, step)
            canvas.text(_WIDTH, top + 12, f"{fallen}{count:,} left", "muted", right=True, size=9)
            axes.barh(top + 20, most, height=6, color=light("raised"), linewidth=0)
            axes.barh(
                top + 20,
                count,
                height=6,
                color=light("student" if place == len(steps) - 1 else "passed"),
                linewidth=0,
            )
            before = count
        told = (f"{step}: {count:,} left ({percent(count / most)})." for step, count in steps)
        return canvas.to_svg("funnel", escape_hidden(table.title), " ".join(told))


def histogram(table: Table | None, key: str, axis: str) -> Markup | None:
    """A bar for each `from`, accepted below and rejected on top; `axis` says what `from` counts."""
    if table is None or not table.rows:
        return None
    bins = [
        (float(start or 0), int(accepted or 0), int(rejected or 0))
        for start, accepted, rejected in table.rows
    ]
    starts = [start for start, _, _ in bins]
    wide = (
        0.05
        if max(starts) < 1
        else min((after - start for start, after in zip(starts, starts[1:], strict=False)), default=1.0)
    )
    with drawing():
        canvas = Canvas(_WIDTH, 210)
        canvas.text(0, 10, "■", "student", size=11)
        canvas.text(14, 10, "accepted", "muted", size=9)
        canvas.text(76, 10, "■", "failed_1", size=11)
        canvas.text(90, 10, "rejected", "muted", size=9)
        axes = canvas.axes(34, 22, _WIDTH - 40, 148)
        for start, accepted, rejected in bins:
            axes.bar(start + wide / 2, accepted, width=wide * 0.86, color=light("student"), linewidth=0)
            axes.bar(
                start + wide / 2,
                rejected,
                width=wide * 0.86,
                bottom=accepted,
                color=light("failed_1"),
                linewidth=0,
            )
        axes.grid(axis="x", visible=False)
        axes.margins(x=0.01)
        canvas.text(_WIDTH - 6, 204, axis, "muted", right=True, size=9)
        told = (
            f"From {start:g}: {accepted:,} accepted, {rejected:,} rejected."
            for start, accepted, rejected in bins
        )
        return canvas.to_svg(key, escape_hidden(table.title), " ".join(told))


def _short(text: str, most: int) -> str:
    line = " ".join(escape_hidden(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
