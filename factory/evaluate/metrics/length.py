"""How long a model's answers are, where any length may be right: judges favour long ones (Dubois et al.,
2024, arXiv 2404.04475), so preference is read beside it.

Words as the check `length` counts them: characters where a script has no spaces. The interval is the
bootstrap's over the held-out tasks; an answer that cannot be read is none.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

from factory.evaluate.interval import bootstrap
from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.tasks.kind import PREFERRED
from factory.text.rouge import tokens


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return the mean length; nothing for a kind with right answers, or where nothing can be read."""
    said: Sequence[str] = [row["result"] for row in evaluation.predictions if row["result"] is not None]
    if evaluation.plan.kind.main_metric != PREFERRED or not said:
        return {}
    words = [len(tokens(text)) for text in said]
    return {"answer_length": Measurement(fmean(words), *bootstrap(words, fmean), len(words))}


FAMILY = Family(
    (Metric("answer_length", "Length of an answer", "words", "lower"),),
    measure,
    local=False,
    by_source=True,
)
