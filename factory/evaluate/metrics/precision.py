"""The number format in which a model was run while it was measured. Not in an evaluation's id: the format of
another machine makes no other evaluation."""

from collections.abc import Mapping

from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.models.precision import BITS, running_precision


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return the bits of the format: 16 for bfloat16, 32 for float32."""
    bits = BITS[running_precision(evaluation.candidate.folder)]
    return {"computed_bits": Measurement(float(bits), None, None, 1)}


FAMILY = Family(
    (
        Metric(
            "computed_bits",
            "computed in",
            "bits",
            "lower",
            under="tokens_per_s_batch_32",
            note="Computed in 16 bits is bfloat16, in 32 bits float32: whichever is fast on the machine.",
        ),
    ),
    measure,
)
