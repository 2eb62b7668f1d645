"""Are equal answers found equal, and no others? Every pair of `bench/answer_pairs.py`, each way round.

python -m bench.answers [--show]

A pair counts as wrongly equal if it is said to be the same in either order, and as wrongly different if it is
the same and is not said to be, undecided ones among them. Seconds are those of the first comparison, the
start of the process that works formulas out apart. Prints what is wrong, then one JSON object; exits with 1
if a pair is wrongly equal, more than 2 % are wrongly different, or one took longer than its limit.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter

from bench.answer_pairs import pairs
from factory.text.answers.algebra import WALL_SECONDS
from factory.text.answers.equality import Comparison, compare

# The kernel ends the work after two seconds of a processor, the product after this time by the clock.
LIMIT_MS = 1000 * WALL_SECONDS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="list undecided pairs and slow ones too")
    show = parser.parse_args().show
    compare("x+1", "1+x+0")
    counts: Counter[str] = Counter()
    times: list[float] = []
    for name, one, other, truth in pairs():
        began = time.perf_counter()
        found = compare(one, other)
        times.append(1000 * (time.perf_counter() - began))
        counts["pairs"] += 1
        for key in _faults(found, compare(other, one), truth):
            counts[key] += 1
            if key != "undecided" or show:
                print(f"{key:18} {name:9} {one[:60]!r}  {other[:60]!r}  {found.detail}")
        if show and times[-1] > 300:
            print(f"{times[-1]:6.0f} ms          {name:9} {one[:60]!r}  {other[:60]!r}")
    print(
        json.dumps(
            {
                "pairs": counts["pairs"],
                "wrongly_equal": counts["wrongly_equal"],
                "wrongly_different": counts["wrongly_different"],
                "undecided": counts["undecided"],
                "median_ms": round(statistics.median(times), 3),
                "max_ms": round(max(times), 1),
            }
        )
    )
    good = not counts["wrongly_equal"] and counts["wrongly_different"] <= 0.02 * counts["pairs"]
    return 0 if good and not counts["one_way"] and max(times) <= LIMIT_MS else 1


def _faults(found: Comparison, back: Comparison, truth: bool) -> list[str]:
    faults = ["one_way"] if found != back else []
    if (found.equal or back.equal) and not truth:
        faults.append("wrongly_equal")
    if truth and not found.equal:
        faults.append("wrongly_different")
    return faults if found.decided else [*faults, "undecided"]


if __name__ == "__main__":
    sys.exit(main())
