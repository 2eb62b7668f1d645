"""The most memory that a model's process has had resident while it was measured: a process measures one
model."""

from collections.abc import Mapping

from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.system.machine import peak_memory


def measure(_: Evaluation) -> Mapping[str, Measurement]:
    """Return the peak so far, of all that was measured before."""
    return {"peak_memory_bytes": Measurement(float(peak_memory()), None, None, 1)}


FAMILY = Family((Metric("peak_memory_bytes", "Peak memory", "bytes", "lower"),), measure)
