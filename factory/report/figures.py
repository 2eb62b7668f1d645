"""The four drawings of the report, each from its part of the data, each None where there is nothing to draw.

Promise: drawings are 360 points wide, so that they stay legible on a phone; each tells its numbers again in
its description; labels cannot overlap, whatever the numbers. Names are shown, never interpreted. Colours
belong to roles and are the same everywhere; shapes repeat them.
"""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from factory.report.measured import Measured
from factory.report.run import Loss
from factory.report.svg import Canvas, drawing, light
from factory.report.theme import ROLES
from factory.report.yields import CheckYield, Yield
from factory.tasks.kind import MAIN, RIGHT
from factory.text.quantities import bounds, number, percent, size
from factory.text.reasons import sentence
from factory.text.visible import escape_hidden

_SHAPES = {"teacher": "D", "base": "s", "student": "o", "student_quantized": "^", "student_recovered": "v"}
_SHARES = (*MAIN, "tool_call_accuracy")
_WIDTH = 360.0
_FAILURES = ("failed_1", "failed_2", "failed_3", "failed_4", "failed_5")


def accuracy(models: Sequence[Measured]) -> Markup | None:
    """Answer accuracy, or preference where no answer is the right one, and same-call accuracy of each model,
    a dot with its 95 % interval."""
    shown = [model for model in models if any(model.metric(name) for name in _SHARES)]
    if not shown:
        return None
    main = next((name for name in MAIN if any(model.metric(name) for model in shown)), RIGHT)
    calls = any(model.metric("tool_call_accuracy") for model in shown)
    top, row = 22.0, 52.0 if calls else 40.0
    with drawing():
        canvas = Canvas(_WIDTH, top + row * len(shown) + 24)
        filled = "● answer is right" if main == RIGHT else "● preferred to the reference"
        canvas.text(8, 10, filled, "muted", size=9)
        if calls:
            canvas.text(128, 10, "○ call is the reference call", "muted", size=9)
        axes = canvas.axes(8, top, 304, row * len(shown))
        axes.set(xlim=(0, 1), ylim=(row * len(shown), 0), yticks=[], xticks=[0, 0.25, 0.5, 0.75, 1])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f} %"))
        for place, model in enumerate(shown):
            canvas.text(8, top + row * place + 14, _label(model, 48), model.role)
            _whisker(canvas, axes, model, main, row * place + 26, top, filled=True)
            _whisker(canvas, axes, model, "tool_call_accuracy", row * place + 40, top, filled=False)
        told = (f"{_label(model)}: {_shares(model)}." for model in shown)
        return canvas.to_svg("accuracy", "Accuracy on held-out tasks with 95 % intervals", " ".join(told))


def speed(models: Sequence[Measured]) -> Markup | None:
    """Speed against peak memory, one bubble a model with its area in proportion to the weights; labels stand
    in a column of their own."""
    shown = [(model, model.tokens_per_s, model.value("peak_memory_bytes")) for model in models]
    points = [
        (model, rate, peak / 1e9) for model, rate, peak in shown if rate is not None and peak is not None
    ]
    if not points:
        return None
    points.sort(key=lambda point: -point[1])
    top, left, wide, gap = 24.0, 34.0, 170.0, 46.0
    tall = max(190.0, gap * len(points))
    fastest, fullest = (
        max(rate for _, rate, _ in points) * 1.15,
        max(peak for _, _, peak in points) * 1.2 or 1.0,
    )
    heaviest = max(model.value("weight_bytes") or 0 for model, _, _ in points) or 1
    with drawing():
        canvas = Canvas(_WIDTH, top + tall + 40)
        canvas.text(0, 10, "tokens per second, 32 requests at once", "muted", size=9)
        canvas.text(left + wide, top + tall + 32, "peak memory, GB", "muted", right=True, size=9)
        axes = canvas.axes(left, top, wide, tall)
        axes.set(xlim=(0, fullest), ylim=(0, fastest))
        _few_ticks(axes, 4)
        heights = _spread(
            [top + tall * (1 - rate / fastest) for _, rate, _ in points], gap, top + 12, top + tall - 26
        )
        for (model, rate, peak), height in zip(points, heights, strict=True):
            area = max(14.0, 420 * (model.value("weight_bytes") or 0) / heaviest)
            shape = _SHAPES[model.role]
            axes.scatter(
                [peak], [rate], s=area, marker=shape, facecolors=light(model.role), linewidths=0, alpha=0.16
            )
            axes.scatter(
                [peak],
                [rate],
                s=area,
                marker=shape,
                facecolors="none",
                edgecolors=light(model.role),
                linewidths=1.1,
            )
            beside = (fullest * (1 + 12 / wide), fastest * (1 - (height - 3 - top) / tall))
            axes.plot(
                [peak, beside[0]],
                [rate, beside[1]],
                color=light(model.role),
                lw=0.6,
                alpha=0.6,
                clip_on=False,
            )
            canvas.text(left + wide + 16, height, ROLES[model.role], model.role)
            canvas.text(
                left + wide + 16,
                height + 13,
                f"{number(rate)} tokens/s, {size(model.value('peak_memory_bytes'))}",
                "muted",
                size=9,
            )
            weights = f"weights {size(model.value('weight_bytes'))}"
            canvas.text(left + wide + 16, height + 25, weights, "muted", size=9)
        told = (
            f"{_label(model)}: {number(rate)} tokens per second, {size(model.value('peak_memory_bytes'))}, "
            f"weights {size(model.value('weight_bytes'))}."
            for model, rate, _ in points
        )
        return canvas.to_svg("speed", "Speed against peak memory", " ".join(told))


def checks(kept: Yield) -> Markup | None:
    """What each check let through and why it refused the rest."""
    if not kept.by_check:
        return None
    refused: Counter[str] = Counter()
    for check in kept.by_check:
        refused.update({entry.reason: entry.count for entry in check.reasons if entry.reason != "ok"})
    common = [
        reason for reason, count in sorted(refused.items(), key=lambda item: (-item[1], item[0])) if count
    ][: len(_FAILURES)]
    colours = dict(zip(common, _FAILURES, strict=False))
    row = 36.0
    bars = [(check, [(reason, _count(check, reason)) for reason in common]) for check in kept.by_check]
    other = sum(max(0, check.failed - sum(count for _, count in parts)) for check, parts in bars)
    legend = [(sentence(reason), refused[reason], colours[reason]) for reason in common]
    legend += [("another reason", other, "failed_other")] if other else []
    most = (
        max(
            max(check.passed + check.failed, check.passed + sum(n for _, n in parts)) for check, parts in bars
        )
        or 1
    )
    tall = row * len(bars)
    with drawing():
        canvas = Canvas(_WIDTH, tall + 12 + 16 * (len(legend) + 1))
        axes = canvas.axes(0, 0, _WIDTH, tall)
        axes.set_axis_off()
        axes.set(xlim=(0, most), ylim=(tall, 0))
        for place, (check, parts) in enumerate(bars):
            canvas.text(0, row * place + 14, _short(check.check, 30))
            canvas.text(
                _WIDTH,
                row * place + 14,
                f"{check.passed:,} of {check.passed + check.failed:,} pass",
                "muted",
                right=True,
                size=9,
            )
            left = 0
            rest = max(0, check.failed - sum(count for _, count in parts))
            pieces = [
                ("passed", check.passed),
                *((colours[reason], count) for reason, count in parts),
                ("failed_other", rest),
            ]
            for colour, count in pieces:
                if count:
                    axes.barh(row * place + 25, count, left=left, height=10, color=light(colour), linewidth=0)
                left += count
        for place, (label, total, colour) in enumerate([("passed", None, "passed"), *legend]):
            line = tall + 18 + 16 * place
            canvas.text(0, line, "■", colour, size=11)
            canvas.text(14, line, _short(label, 54), "muted", size=9)
            if total is not None:
                canvas.text(_WIDTH, line, f"{total:,}", "muted", right=True, size=9)
        told = (
            f"{_short(check.check, 60)}: {check.passed:,} passed, {check.failed:,} failed."
            for check in kept.by_check
        )
        return canvas.to_svg("checks", "What each check let through", " ".join(told))


def losses(points: Sequence[Loss]) -> Markup | None:
    """One small panel for each stage and value name, in the order in which they come; a value that was not
    finite is a gap."""
    panels: dict[tuple[str, str], list[Loss]] = {}
    for point in points:
        panels.setdefault((point.stage, point.name), []).append(point)
    if not panels:
        return None
    columns = min(2, len(panels))
    wide, tall, row = _WIDTH / columns, 112.0, 168.0
    with drawing():
        canvas = Canvas(_WIDTH, row * -(-len(panels) // columns))
        told = []
        for place, ((stage, name), values) in enumerate(panels.items()):
            values.sort(key=lambda point: point.step)
            left, top = wide * (place % columns), row * (place // columns)
            finite = [point.value for point in values if point.value is not None]
            ending = f"{number(finite[0])} → {number(finite[-1])}" if finite else "no finite value"
            gaps = f", {len(values) - len(finite)} not finite" if len(finite) < len(values) else ""
            canvas.text(left, top + 12, _short(f"{stage} · {name}", 50 // columns))
            canvas.text(left, top + 24, ending + gaps, "muted", size=9)
            axes = canvas.axes(left + 30, top + 34, wide - 40, tall)
            axes.plot(
                [point.step for point in values],
                [float("nan") if point.value is None else point.value for point in values],
                color=light("student"), lw=1.4, marker="o", markersize=2.6 if len(values) <= 40 else 0,
            )  # fmt: skip
            axes.margins(x=0.04, y=0.12)
            _few_ticks(axes, 4)
            told.append(f"{_short(f'{stage} {name}', 80)}: {ending} in {values[-1].step} steps{gaps}.")
        return canvas.to_svg("losses", "Loss by training step", " ".join(told))


def _shares(model: Measured) -> str:
    found = [row for row in map(model.metric, _SHARES) if row is not None]
    return ", ".join(
        f"{row.label.lower()} {percent(row.value)} ({bounds(row.low, row.high)})" for row in found
    )


def _whisker(
    canvas: Canvas, axes: Axes, model: Measured, name: str, y: float, top: float, *, filled: bool
) -> None:
    if (row := model.metric(name)) is None:
        return
    share, low, high = row.value, row.low, row.high
    colour = light(model.role)
    if low is not None and high is not None:
        axes.plot(
            [low, high],
            [y, y],
            color=colour,
            lw=1.6 if filled else 1.0,
            solid_capstyle="round",
            clip_on=False,
        )
    face = colour if filled else light("paper")
    axes.plot([share], [y], "o", markersize=7 if filled else 6, mfc=face, mec=colour, mew=1.2, clip_on=False)
    canvas.text(
        _WIDTH,
        top + y + 3.5,
        percent(share),
        "ink" if filled else "muted",
        right=True,
        weight="bold" if filled else "normal",
    )


def _few_ticks(axes: Axes, most: int) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(most))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _spread(wanted: Sequence[float], gap: float, first: float, last: float) -> list[float]:
    """Move ascending positions as little as a greedy pass can so that they are `gap` apart and within `first`
    and `last`."""
    places: list[float] = []
    for position in wanted:
        places.append(max(position, places[-1] + gap if places else first))
    limit = last
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - gap
    return places


def _count(check: CheckYield, reason: str) -> int:
    return sum(entry.count for entry in check.reasons if entry.reason == reason)


def _label(model: Measured, most: int = 120) -> str:
    return _short(f"{ROLES[model.role]} · {model.name}", most)


def _short(text: str, most: int) -> str:
    line = " ".join(escape_hidden(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
