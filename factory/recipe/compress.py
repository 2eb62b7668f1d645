"""Settings of compression, and the rules between them."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from factory.recipe.prune import Prune
from factory.recipe.source import Fault, Source
from factory.system.settings import Settings

CALIBRATED = ("w8a8-static", "w4a16", "mixed")
GROUPED = ("w4a16", "mixed")


class Sparsity(Settings):
    """Weights that become zero. They are stored as zeros: on a CPU that is neither smaller nor faster; a GPU
    has kernels for 2:4."""

    pattern: Literal["2:4", "unstructured"] = Field(
        default="2:4", description="2:4: two of four neighbours. unstructured: wherever they do least."
    )
    share: float = Field(
        default=0.5,
        ge=0.1,
        le=0.5,
        description="Share of the weights. Only with unstructured; 2:4 is a half.",
    )
    method: Literal["sparsegpt", "wanda"] = Field(
        default="sparsegpt",
        description="sparsegpt mends the weights that stay; wanda is faster and leaves them as they are.",
    )


class Recover(Settings):
    """A short distillation from the uncompressed student into the compressed one, which is then compressed
    again."""

    steps: int = Field(default=40, ge=1, le=100_000, description="Optimizer steps.")
    batch_size: int = Field(default=8, ge=1, le=1024, description="Samples in one step.")
    learning_rate: float = Field(default=5e-4, gt=0, le=1, description="Highest learning rate.")
    rank: int = Field(
        default=16,
        ge=1,
        le=1024,
        description="Rank of the adapter that is trained on the compressed weights.",
    )


class Compress(Settings):
    """How the trained student is made smaller: fewer tokens, fewer bits, or both."""

    vocabulary: int | None = Field(
        default=None,
        ge=300,
        le=10_000_000,
        description="Rows of embedding and output layer that stay: those that the accepted samples use, then "
        "the most common. Empty: all.",
    )
    prune: Prune | None = Field(
        default=None, description="Take parts out of the trained student, first of all. Empty: none."
    )
    sparsity: Sparsity | None = Field(
        default=None, description="Set weights to zero, before quantization. Empty: none."
    )
    quantize: Literal["w8a8-static", "w8a8-dynamic", "w4a16", "mixed", "fp8"] | None = Field(
        default=None,
        description="w8a8-static: 8-bit weights and activations, scales fixed by calibration. w8a8-dynamic: "
        "the same with "
        "scales by token. w4a16: 4-bit weights (GPTQ), activations as they are. mixed: w4a16 where it was "
        "measured to harm "
        "least, w8a8-dynamic elsewhere. fp8: 8-bit floating point, for GPUs that have it. Empty: no fewer "
        "bits.",
    )
    calibration_samples: int = Field(
        default=128, ge=8, le=4096, description="Samples that sparsity and scales are worked out on."
    )
    group_size: Literal[32, 64, 128] = Field(
        default=32, description="4-bit weights that share a scale. Only with w4a16 and mixed."
    )
    bits: float | None = Field(
        default=None,
        ge=4,
        le=8,
        description="Mean bits of a weight with mixed; 6 if neither it nor max_kl is set.",
    )
    max_kl: float | None = Field(
        default=None,
        gt=0,
        le=100,
        serialization_alias="most_kl",
        description="Largest divergence in nats that 4 bits may cause with mixed, in place of bits.",
    )
    max_accuracy_drop: float | None = Field(
        default=None,
        ge=0,
        le=1,
        serialization_alias="most_lost",
        description="Share of the held-out tasks by which it may do worse than the student and still ship. "
        "Empty: whatever it loses.",
    )
    recover: Recover | None = Field(
        default=None,
        serialization_alias="repair",
        description="Tried where it loses more than max_accuracy_drop. Empty: nothing is tried.",
    )

    @property
    def making(self) -> dict[str, Any]:
        """The settings that the compressed model follows from."""
        unused = {"prune"} if self.prune is None else set()
        return self.identity(exclude={"max_accuracy_drop", "recover"} | unused)


def is_calibrated(settings: Compress) -> bool:
    """Return whether samples are needed."""
    return settings.sparsity is not None or settings.quantize in CALIBRATED


def faults(source: Source, settings: Any, *, evaluated: bool) -> Iterator[Fault]:
    """Yield every broken rule between the settings of `compress`, as `factory.recipe.rules` does."""
    if not isinstance(settings, dict):
        return
    given = {key for key, value in settings.items() if value is not None}
    quantize = settings.get("quantize")
    if not given & {"vocabulary", "prune", "sparsity", "quantize"}:
        yield source.fault(
            ("compress",),
            "has no effect: set one of quantize, sparsity, prune and vocabulary, or remove it",
        )
    if "calibration_samples" in given and quantize not in CALIBRATED and "sparsity" not in given:
        yield source.fault(
            ("compress", "calibration_samples"), f"only with sparsity or quantize: {' or '.join(CALIBRATED)}"
        )
    sparsity = settings.get("sparsity")
    if isinstance(sparsity, dict) and "share" in sparsity and sparsity.get("pattern") != "unstructured":
        yield source.fault(
            ("compress", "sparsity", "share"), "only with pattern: unstructured; 2:4 is a half"
        )
    if "group_size" in given and quantize not in GROUPED:
        yield source.fault(("compress", "group_size"), f"only with quantize: {' or '.join(GROUPED)}")
    for key in sorted(given & {"bits", "max_kl"}):
        if quantize != "mixed":
            yield source.fault(("compress", key), "only with quantize: mixed")
    if "max_accuracy_drop" in given and not evaluated:
        yield source.fault(
            ("compress", "max_accuracy_drop"),
            "only with evaluate: without held-out tasks nothing is known to be lost",
        )
    if "recover" in given and "max_accuracy_drop" not in given:
        yield source.fault(
            ("compress", "recover"), "only with max_accuracy_drop, which decides when it is tried"
        )
    if {"bits", "max_kl"} <= given:
        yield source.fault(("compress", "max_kl"), "set either bits or max_kl")
