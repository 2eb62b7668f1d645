"""How long the answers to the held-out tasks are, where they are free text.

Words as the check `length` counts them, of Chinese characters. It says nothing of how good they are, but a
student that talks much more than its data was not taught well.
"""

from collections.abc import Mapping

from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.text.rouge import tokens


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return the mean number of words; nothing for a kind whose answers have a form."""
    lengths = [len(tokens(row["output"])) for row in evaluation.predictions]
    if not lengths or not evaluation.plan.kind.free_text:
        return {}
    return {"answer_words": Measurement(sum(lengths) / len(lengths), None, None, len(lengths))}


FAMILY = Family(
    (
        Metric(
            "answer_words",
            "Words",
            "words",
            "lower",
            note="Words are those of an answer, on average; neither few nor many are better by themselves.",
        ),
    ),
    measure,
    local=False,
)
