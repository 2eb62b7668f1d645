"""The bytes of a model's weights on disk."""

from collections.abc import Mapping

from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.models.folder import inspect


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return the sum of the model's safetensors files."""
    weights = inspect(evaluation.candidate.folder).weight_bytes
    return {"weight_bytes": Measurement(float(weights), None, None, 1)}


FAMILY = Family((Metric("weight_bytes", "Weights", "bytes", "lower"),), measure)
