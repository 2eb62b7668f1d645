"""The mean of the F1 scores of all labels, rare ones as heavy as frequent ones.

F1 of a label is twice the texts that rightly have it by the sum of those that have it in the references and
in the answers. A label that is in neither has none, and is left out of the mean; an answer that is no label
is missing from its reference's. The interval is the bootstrap's over the held-out texts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from factory.evaluate.interval import bootstrap
from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.tasks.scorer import Classifier


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return the macro-F1; nothing for a kind without labels."""
    pairs = [(row["reference"], row["result"]) for row in evaluation.predictions]
    if not isinstance(evaluation.scorer, Classifier) or not pairs:
        return {}
    return {"macro_f1": Measurement(macro_f1(pairs), *bootstrap(pairs, macro_f1), len(pairs))}


def macro_f1(pairs: Sequence[tuple[str, str | None]]) -> float:
    """Return the mean F1 of the labels that occur among (reference, answer)."""
    right = Counter(reference for reference, answer in pairs if reference == answer)
    named = Counter(label for pair in pairs for label in pair if label is not None)
    return sum(2 * right[label] / count for label, count in named.items()) / len(named)


FAMILY = Family(
    (
        Metric(
            "macro_f1",
            "Macro-F1",
            "",
            "higher",
            under="answer_accuracy",
            note="Macro-F1 is the mean of the F1 scores of the labels, however many texts each has.",
        ),
    ),
    measure,
    local=False,
    by_source=True,
)
