"""Numbers as people read them: shares, bytes, seconds, ratios.

Promise: rounding never turns something into nothing or almost all into all; what was not measured is a dash.
Bytes are decimal: 1 GB is 1,000,000,000. `figure` is the one place that knows the units of metrics.
"""

from collections.abc import Callable

MISSING = "–"
NO_BREAK = "\N{NO-BREAK SPACE}"


def figure(value: float | None, unit: str) -> str:
    """A measured value in its unit: `88 %`, `269 MB`, `450 ms`; a unit without a form of its own is written
    behind the number."""
    if value is None or unit in _FORMS:
        return MISSING if value is None else _FORMS[unit](value)
    return f"{number(value)}{NO_BREAK}{unit}".rstrip(NO_BREAK)


def interval(low: float | None, high: float | None, unit: str) -> str:
    """The interval of a measured value: `82–93 %`, `410 ms–450 ms`, `3.00–5.00 J`; "" if there is none."""
    if low is None or high is None:
        return ""
    if unit == "share":
        return bounds(low, high)
    return f"{figure(low, unit) if unit in _FORMS else number(low)}–{figure(high, unit)}"


def percent(share: float | None) -> str:
    """A share as a percentage: rounded, or to one decimal where rounding would claim none or all."""
    if share is None:
        return MISSING
    return f"{_hundredths(share)}{NO_BREAK}%"


def bounds(low: float | None, high: float | None) -> str:
    """An interval of shares in per cent: `82–93 %`."""
    return "" if low is None or high is None else f"{_hundredths(low)}–{_hundredths(high)}{NO_BREAK}%"


def _hundredths(share: float) -> str:
    hundredths = share * 100
    if 0 < hundredths <= 0.5:
        return f"{hundredths:.1f}" if hundredths >= 0.05 else "under 0.1"
    return f"{min(hundredths, 99.9):.1f}" if 99.5 <= hundredths < 100 else f"{hundredths:.0f}"


def number(value: float | None) -> str:
    """A count in full, any other number to three significant digits; thousands set apart."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 99.95 else f"{value:#.3g}"


def size(count: float | None) -> str:
    """Bytes in the largest decimal unit that leaves at least 1."""
    if count is None:
        return MISSING
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{number(count if unit == 'bytes' else value)}{NO_BREAK}{unit}"


def duration(seconds: float) -> str:
    """Seconds as `4.2 s`, `3 min 05 s` or `2 h 07 min`."""
    if seconds < 59.5:
        return f"{seconds:.1f}{NO_BREAK}s" if seconds < 9.95 else f"{seconds:.0f}{NO_BREAK}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{NO_BREAK}min{NO_BREAK}{rest:02d}{NO_BREAK}s"
    return f"{minutes // 60:,}{NO_BREAK}h{NO_BREAK}{minutes % 60:02d}{NO_BREAK}min"


def latency(seconds: float | None) -> str:
    """Seconds of one answer, in milliseconds below one: `450 ms`, `2.1 s`."""
    if seconds is None:
        return MISSING
    return f"{seconds * 1000:.0f}{NO_BREAK}ms" if seconds < 0.9995 else duration(seconds)


def times(ratio: float) -> str:
    """A ratio to two significant digits: `1.2`, `0.61`, `24`."""
    return f"{ratio:,.0f}" if ratio >= 9.95 else f"{ratio:.2g}"


_FORMS: dict[str, Callable[[float], str]] = {
    "share": percent,
    "bytes": size,
    "s": latency,
    "bits": lambda value: f"{value:.0f}{NO_BREAK}bits",
}
