"""The calibration of a student's label probabilities: a temperature, and from which probability on it answers
by itself. It lies beside the weights, as a part of the artifact.

Temperature scaling (Guo et al., 2017, arXiv 1706.04599) divides the logits by one number, so that no answer
changes, only how sure it is. The temperature is the one under which the labels of set-aside texts are
likeliest; that is a convex problem in its inverse, solved here by bisection. Of n texts a label counts as
(n + 1) / (n + 2) of one, or few texts that are all right would make it sure of everything (Platt, 1999). The
threshold is that of selective classification (El-Yaniv & Wiener, 2010).

Promise: the counts say what was found on the set-aside texts, right or wrong. Not promised: the same share of
wrong ones among other texts; the interval of these counts says how far it may be off.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "calibration.json"
_COLDEST, _HOTTEST = 0.05, 20.0
_HALVINGS = 60


@dataclass(frozen=True)
class Deferral:
    """Answered are texts whose label has at least the probability `threshold`; None: none is. Of `texts` that
    were set aside it `answered` so many, of which so many are `wrong`."""

    threshold: float | None
    texts: int
    answered: int
    wrong: int


@dataclass(frozen=True)
class Calibration:
    """The temperature, the wished error, and what the set-aside texts say of it."""

    temperature: float
    error: float
    deferral: Deferral

    def write(self, folder: Path) -> None:
        """Write it into a model folder."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def read_calibration(folder: Path) -> Calibration | None:
    """Return the calibration of a model folder, None where it has none."""
    path = folder / FILE
    if not path.is_file():
        return None
    stored = json.loads(path.read_text(encoding="utf-8"))
    return Calibration(stored["temperature"], stored["error"], Deferral(**stored["deferral"]))


def probabilities(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """Return the softmax of logits, each divided by the temperature."""
    highest = max(logits)
    shares = [math.exp((each - highest) / temperature) for each in logits]
    total = math.fsum(shares)
    return [share / total for share in shares]


def best_temperature(logits: Sequence[Sequence[float]], labels: Sequence[int]) -> float:
    """Return the temperature under which the labels (n,) are likeliest by the logits (n, labels), within
    0.05 and 20; 1 where there are none."""
    if not labels:
        return 1.0

    rest = 1 / (len(labels) + 2)

    def slope(inverse: float) -> float:
        # Of the negative log-likelihood, by the inverse of the temperature: it only rises.
        return math.fsum(
            math.fsum(share * each for share, each in zip(probabilities(row, 1 / inverse), row, strict=True))
            - (1 - rest) * row[label]
            - rest * (math.fsum(row) - row[label]) / (len(row) - 1)
            for row, label in zip(logits, labels, strict=True)
        )

    low, high = 1 / _HOTTEST, 1 / _COLDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 2 / (low + high)


def defer(sure: Sequence[tuple[float | None, bool]], error: float) -> Deferral:
    """Return the lowest threshold at which at most the share `error` of the answered texts is wrong, of
    (probability, right). Those of one probability are answered together or not at all; without one a text is
    not answered."""
    ordered = sorted(((known, right) for known, right in sure if known is not None), reverse=True)
    found = Deferral(None, len(sure), 0, 0)
    wrong = 0
    for place, (confidence, right) in enumerate(ordered, 1):
        wrong += not right
        last = place == len(ordered) or ordered[place][0] < confidence
        if last and wrong <= error * place:
            found = Deferral(confidence, len(sure), place, wrong)
    return found
