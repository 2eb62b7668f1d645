"""What a search found: accuracy against a cost, each trial a point, the best of them joined.

Promises are those of `factory.report.figures`, but that numbers of points that lie upon each other do so too:
the table of trials has them all, with what was chosen.
"""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.ticker import FuncFormatter, MaxNLocator

from factory.report.choice import Trial
from factory.report.svg import Canvas, drawing, light
from factory.search.frontier import Point
from factory.search.frontier import frontier as best_of
from factory.text.quantities import latency, percent, size

_WIDTH, _TALL, _TOP, _LEFT, _WIDE = 360.0, 200.0, 22.0, 40.0, 300.0
_AXES = {
    "weight_bytes": ("bytes of weights, MB", 1e-6),
    "latency_p50_s": ("32 tokens of one request alone, ms", 1e3),
}
_COST = {"weight_bytes": "weight_bytes", "latency_p50_s": "latency_s"}


def frontier(trials: Sequence[Trial], cost: str) -> Markup | None:
    """Return the drawing for a cost ("weight_bytes", "latency_p50_s"), None where no trial came to an end."""
    points = [
        Point(one.number, one.choice, one.accuracy, float(one.weight_bytes), one.latency_p50_s, one.fits)
        for one in trials
        if one.accuracy is not None and one.weight_bytes is not None and one.latency_p50_s is not None
    ]
    if not points:
        return None
    name, factor = _AXES[cost]
    best = best_of(points, _COST[cost])
    places = {point.number: (getattr(point, _COST[cost]) * factor, point.accuracy) for point in points}
    with drawing():
        canvas = Canvas(_WIDTH, _TOP + _TALL + 42)
        canvas.text(0, 10, "answer is right, or preferred", "muted", size=9)
        canvas.text(_LEFT + _WIDE, _TOP + _TALL + 34, name, "muted", right=True, size=9)
        axes = canvas.axes(_LEFT, _TOP, _WIDE, _TALL)
        highest = max(at for at, _ in places.values())
        axes.set(
            xlim=(0, highest * 1.12), ylim=(0, min(1.0, max(y for _, y in places.values()) * 1.25 + 0.02))
        )
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f} %"))
        line = [places[point.number] for point in best]
        axes.plot(
            [x for x, _ in line],
            [y for _, y in line],
            color=light("student_quantized"),
            lw=1.1,
            drawstyle="steps-post",
        )
        for point in points:
            x, y = places[point.number]
            colour = light("student_quantized" if point in best else "base")
            axes.scatter(
                [x],
                [y],
                s=26,
                facecolors=colour if point.fits else "none",
                edgecolors=colour,
                linewidths=1.1,
                zorder=3,
            )
            axes.annotate(
                str(point.number),
                (x, y),
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=8.5,
                color=light("ink"),
            )
        told = (
            f"Trial {point.number}, {point.label}: {percent(point.accuracy)}, "
            f"{size(point.weight_bytes)}, {latency(point.latency_s)}"
            f"{', on the frontier' if point in best else ''}{'' if point.fits else ', above a limit'}."
            for point in points
        )
        return canvas.to_svg(
            f"frontier-{cost.partition('_')[0]}", f"Accuracy against {name.partition(',')[0]}", " ".join(told)
        )
