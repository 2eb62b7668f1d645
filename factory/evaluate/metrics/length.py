"""How long a model's answers are, where any length may be right: judges favour long ones (Dubois et al.,
2024, arXiv 2404.04475), so preference is read beside it, and a student that talks much more than its data was
not taught well.

Words as the check `length` counts them: characters where a script has no spaces. The interval is the
bootstrap's over the held-out tasks; an answer that cannot be read is none.
"""

from collections.abc import Mapping
from statistics import fmean

from factory.evaluate.interval import bootstrap
from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.text.rouge import tokens


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return the mean length; nothing for a kind whose answers have a form, or where nothing can be read."""
    said = [row["output"] for row in evaluation.predictions if row["parsed"]]
    if not evaluation.plan.kind.free_text or not said:
        return {}
    words = [len(tokens(text)) for text in said]
    return {"answer_length": Measurement(fmean(words), *bootstrap(words, fmean), len(words))}


FAMILY = Family(
    (
        Metric(
            "answer_length",
            "Length of an answer",
            "words",
            "lower",
            note="The length of an answer is its mean number of words; neither few nor many are better by "
            "themselves.",
        ),
    ),
    measure,
    local=False,
    by_source=True,
)
