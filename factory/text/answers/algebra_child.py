"""The process that works formulas out with math-verify and SymPy, a JSON line each.

Promise: `{"answer": true | false | null}` for two formulas or two relations in LaTeX: equal, different, or
not to be told. The work is done in a process of its own that the kernel ends after `SECONDS` of its time or
at `MEMORY` bytes; then `{"killed": true}` is answered and another takes its place at once.
"""

import json
import os
import resource
import signal
import sys
from functools import lru_cache
from typing import Any

SECONDS = 2.0
MEMORY = 1 << 30
_DIGITS, _CLOSE = 60, 50  # of values that are compared; what differs only beyond the fiftieth is to be proved
_MOST_EXPANDED = 6  # of a power, and of letters
# Where two formulas are compared before they are transformed: beside, between and below the usual numbers.
_PLACES = ("7/3", "-5/4", "19/8", "-13/5", "41/9", "1/7")


def main() -> None:
    """Serve from standard input until it ends."""
    # What is imported on the way is imported before the work is counted.
    for one, other in (("\\sin (2x)", "2\\sin x\\cos x"), ("\\sqrt{8}", "2\\sqrt{2}"), ("x(x+1)", "e^{x}")):
        _compared({"one": [one], "other": [other], "relation": "", "places": 0})
    os.write(1, b'{"ready": true}\n')
    while True:
        worker = os.fork()
        if worker == 0:
            _work()
            os._exit(0)
        _, status = os.waitpid(worker, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return
        os.write(1, b'{"killed": true}\n')


def _work() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(3000)
    left = SECONDS
    while (line := _line()) is not None:
        asked = json.loads(line)
        # No handler: the kernel ends the process, whatever it is in the middle of.
        signal.setitimer(signal.ITIMER_PROF, SECONDS if asked["fresh"] else max(left, 0.001))
        try:
            answer = _compared(asked)
        except MemoryError:
            os._exit(1)
        except Exception:
            answer = None
        left, _ = signal.setitimer(signal.ITIMER_PROF, 0)
        os.write(1, json.dumps({"answer": answer}).encode() + b"\n")


def _line() -> bytes | None:
    got = bytearray()
    # One question is asked at a time: nothing is read that belongs to the next process.
    while not got.endswith(b"\n"):
        part = os.read(0, 4096)
        if not part:
            return None
        got += part
    return bytes(got)


def _compared(asked: dict[str, Any]) -> bool | None:
    sides = [[_read(side) for side in one] for one in (asked["one"], asked["other"])]
    if not asked["relation"]:
        same = _equal(sides[0][0], sides[1][0])
        return same or (bool(asked["places"]) and _rounded(sides[0][0], sides[1][0], asked["places"])) or same
    one, other = (left - right for left, right in sides)
    return _multiple(one, other, signed=asked["relation"] in ("<", "≤"))


@lru_cache(256)
def _read(latex: str) -> Any:
    from latex2sympy2_extended import latex2sympy
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig

    made = latex2sympy(
        latex,
        is_real=True,
        normalization_config=None,
        conversion_config=ConversionConfig(lowercase_symbols=False),
    )
    return _complex(made.doit())


def _complex(formula: Any) -> Any:
    """The formula with `i` as the imaginary unit, where no other letter is in it."""
    import sympy

    letters = formula.free_symbols
    return (
        formula.subs(next(iter(letters)), sympy.I)
        if {letter.name for letter in letters} == {"i"}
        else formula
    )


def _equal(one: Any, other: Any) -> bool | None:
    import sympy
    from math_verify.grader import verify

    if one == other:
        return True
    if not isinstance(one, sympy.Expr) or not isinstance(other, sympy.Expr):
        return None
    letters = one.free_symbols | other.free_symbols
    if not letters:
        return _close(one, other)
    told = [_close(*(side.subs(place) for side in (one, other))) for place in _places(letters)]
    if False in told:
        # A formula that is nowhere defined at these places says nothing.
        return False if one.free_symbols == other.free_symbols or told.count(False) == len(told) else None
    if told.count(True) < 3 or one.free_symbols != other.free_symbols:
        return None
    return True if _expanded(one - other) == 0 or verify(one, other, timeout_seconds=None) else None


def _expanded(difference: Any) -> Any:
    """The difference multiplied out where that is little work: quicker than to simplify it."""
    import sympy

    powers = [power.exp for power in difference.atoms(sympy.Pow)]
    small = all(not power.is_Integer or abs(power) <= _MOST_EXPANDED for power in powers)
    return (
        sympy.expand(difference) if small and len(difference.free_symbols) <= _MOST_EXPANDED else difference
    )


def _places(letters: Any) -> list[dict[Any, Any]]:
    from sympy import Rational

    ordered = sorted(letters, key=lambda letter: str(letter.name))
    return [
        {
            letter: Rational(_PLACES[(turn + 2 * number) % len(_PLACES)]) + number
            for number, letter in enumerate(ordered)
        }
        for turn in range(len(_PLACES))
    ]


def _close(one: Any, other: Any) -> bool | None:
    """Whether two numbers are the same; None where one of them is none."""
    import sympy

    if one == other:
        return True
    if one.is_infinite or other.is_infinite:
        return bool(one == other) if one in (sympy.oo, -sympy.oo) and other in (sympy.oo, -sympy.oo) else (
            False if one.is_finite or other.is_finite else None
        )  # fmt: skip
    if one.is_Rational and other.is_Rational:
        return False
    values = [sympy.N(side, _DIGITS) for side in (one, other)]
    if not all(value.is_number and value.is_finite and not value.has(sympy.Function) for value in values):
        return None
    difference = one - other
    gap, size = abs(sympy.N(difference, _DIGITS)), max(map(abs, values))
    if gap > size * sympy.Float(10, _DIGITS) ** -_CLOSE:
        return False
    # So close that it has to be proved.
    return True if difference == 0 or difference.equals(0) else None


def _rounded(one: Any, other: Any, places: int) -> bool:
    """Whether two numbers are the same to a number of places."""
    import sympy

    return bool(abs(sympy.N(one - other, _DIGITS)) * 2 * 10**places <= 1)


def _multiple(one: Any, other: Any, *, signed: bool) -> bool | None:
    """Whether one side is the other times a number that is not 0 (`signed`: above 0)."""
    import sympy

    if one.free_symbols != other.free_symbols or not one.free_symbols:
        return None
    for place in _places(one.free_symbols):
        top, bottom = one.subs(place), other.subs(place)
        if top.is_finite and bottom.is_finite and not top.is_zero and not bottom.is_zero:
            ratio = sympy.nsimplify(sympy.simplify(top / bottom))
            same = _equal(one, ratio * other)
            if signed and not ratio.is_positive:
                return False if same is not None else None
            return same
    return None
