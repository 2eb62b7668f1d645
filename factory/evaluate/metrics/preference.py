"""How often a judge prefers a model's answer to another one, and how often it says the same in both orders.

A tie counts half. The interval is Wilson's over the tasks, which is never too narrow here: what is a half
varies less than what is none or one. Both figures come after all others, when the answers of every model are
there: `factory.evaluate.judge`. So there is nothing to measure while a model is loaded.
"""

from collections.abc import Mapping, Sequence

from factory.evaluate.interval import wilson
from factory.evaluate.metrics.accuracy import share
from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.evaluate.pairwise import Judgement
from factory.tasks.kind import PREFERRED


def measure(_: Evaluation) -> Mapping[str, Measurement]:
    """Return nothing: the judge is another model."""
    return {}


def preferences(judged: Sequence[Judgement]) -> dict[str, Measurement]:
    """Return the share of the comparisons that the model won, ties half, and of those that the judge was
    asked about the share in which it said the same twice; nothing where there is none."""
    found = {}
    if n := len(judged):
        credit = sum(one.credit for one in judged)
        found[PREFERRED] = Measurement(credit / n, *wilson(credit, n), n)
    if asked := [one.consistent for one in judged if one.asked]:
        found["judge_consistency"] = share(asked)
    return found


FAMILY = Family(
    (
        Metric(
            PREFERRED,
            "Preferred to the reference",
            "share",
            "higher",
            note="Preferred is how often the judge, which is the teacher, takes the model's answer over the "
            "reference's in both orders; a tie counts half.",
        ),
        Metric(
            "judge_consistency",
            "same in both orders",
            "share",
            "higher",
            under=PREFERRED,
            note="Same in both orders is how often the judge stays with its word when the two change places: "
            "where that is low, preference says little.",
        ),
    ),
    measure,
    local=False,
    by_source=True,
)
