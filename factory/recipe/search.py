"""Settings of `factory search`: the values to try, and the budget."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from factory.adapters.kinds import ADAPTERS, DEFAULT, adapter_class
from factory.recipe.compress import CALIBRATED, GROUPED
from factory.recipe.prune import SHARES, Prune
from factory.recipe.source import Fault, Source
from factory.system.settings import Settings

Share = Annotated[float, Field(ge=0, le=0.5)]
Quantized = Literal["none", "w8a8-static", "w8a8-dynamic", "w4a16", "mixed", "fp8"]
CHOICES = ("rank", "layers", "heads", "mlp", "vocabulary", "quantize")


def _choices(what: str) -> Any:
    return Field(
        default=(),
        max_length=32,
        description=f"{what} Empty: the recipe's own value.",
        json_schema_extra={"uniqueItems": True},
    )


class Search(Settings):
    """Combinations of adapter and compression that are tried: which, how many, and what the best of them may
    cost."""

    trials: int = Field(default=12, ge=1, le=10_000, description="Most combinations that are tried.")
    rank: Annotated[tuple[int, ...], Field(strict=False)] = _choices(
        "Ranks of the adapter; each is trained once."
    )
    layers: Annotated[tuple[Share, ...], Field(strict=False)] = _choices(
        "Shares of the trained student's layers that are taken out."
    )
    heads: Annotated[tuple[Share, ...], Field(strict=False)] = _choices("Shares of its attention heads.")
    mlp: Annotated[tuple[Share, ...], Field(strict=False)] = _choices("Shares of its MLPs' channels.")
    vocabulary: Annotated[tuple[int, ...], Field(strict=False)] = _choices(
        "Sizes of its vocabulary; 0 keeps all of it."
    )
    quantize: Annotated[tuple[Quantized, ...], Field(strict=False)] = _choices(
        "Ways to quantize it; none leaves it as it is."
    )
    max_bytes: int | None = Field(
        default=None,
        gt=0,
        serialization_alias="most_bytes",
        description="Largest size of the weights, in bytes.",
    )
    max_latency_s: float | None = Field(
        default=None,
        gt=0,
        serialization_alias="most_latency_s",
        description="Longest time for 32 tokens of one request that is alone, in seconds.",
    )
    max_accuracy_drop: float | None = Field(
        default=None,
        ge=0,
        le=1,
        serialization_alias="most_lost",
        description="Largest loss of accuracy against the teacher, as a share of the tasks.",
    )

    @property
    def space(self) -> dict[str, tuple[Any, ...]]:
        """What can be chosen, by name: only where there is a choice to be made or a value to be set."""
        return {name: values for name in CHOICES if (values := getattr(self, name))}


def chosen(recipe: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe, as plain values, that a choice makes of `recipe`: without search, gate and
    recovery."""
    made = {key: value for key, value in recipe.items() if key != "search"}
    student, compress = dict(made["student"]), dict(made.get("compress") or {})
    for key in ("max_accuracy_drop", "recover"):
        compress.pop(key, None)
    if "rank" in choice:
        student["adapter"] = {"kind": DEFAULT} | (student.get("adapter") or {}) | {"rank": choice["rank"]}
    shares = dict(compress.pop("prune", None) or {}) | {
        name: choice[name] for name in SHARES if name in choice
    }
    if any(shares.get(name) for name in SHARES):
        compress["prune"] = Prune.model_validate(shares).model_dump(exclude_unset=True)
    for name, nothing in (("vocabulary", 0), ("quantize", "none")):
        if name in choice:
            compress[name] = None if choice[name] == nothing else choice[name]
    if compress.get("quantize") not in CALIBRATED and not compress.get("sparsity"):
        compress.pop("calibration_samples", None)
    if compress.get("quantize") not in GROUPED:
        compress.pop("group_size", None)
    if compress.get("quantize") != "mixed":
        compress.pop("bits", None)
        compress.pop("max_kl", None)
    compress = {key: value for key, value in compress.items() if value is not None}
    made["student"] = student
    made.pop("compress", None)
    return made | ({"compress": compress} if compress else {})


def faults(source: Source, settings: Any, *, student: Any, evaluated: bool) -> Iterator[Fault]:
    """Yield every broken rule of `search`, as `factory.recipe.rules` does; `student` is the recipe's."""
    if not isinstance(settings, dict):
        return
    if not isinstance(student, dict) or not evaluated:
        yield source.fault(("search",), "needs student and evaluate: trials are students that are measured")
    if not any(settings.get(name) for name in CHOICES):
        yield source.fault(("search",), f"has no effect: set values for at least one of {', '.join(CHOICES)}")
    adapter = adapter_class(student.get("adapter") if isinstance(student, dict) else None)
    if settings.get("rank") and adapter is not None and "rank" not in adapter.model_fields:
        ranked = [kind for kind, each in ADAPTERS.items() if "rank" in each.model_fields]
        yield source.fault(("search", "rank"), f"only with an adapter of kind {' or '.join(ranked)}")
    for name in CHOICES:
        values = settings.get(name)
        if isinstance(values, list) and len(values) != len({str(value) for value in values}):
            yield source.fault(("search", name), "names a value twice")
