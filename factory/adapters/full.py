"""Full fine-tuning: no adapter, every weight is trained, in float32."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from factory.adapters.adapter import Adapter


class FullWeights(Adapter):
    """No adapter: every weight is trained."""

    artifact_kind: ClassVar[Literal["adapter", "model"]] = "model"
    float32: ClassVar[bool] = True

    kind: Literal["full"] = Field(
        description="Every weight is trained, in float32: four times the memory of the model and more."
    )

    def wrap(self, model: Any, tokenizer: Any, new: Sequence[str] = ()) -> Any:
        """Return the model as it is: all of it is trained."""
        return model

    def resume(self, model: Any, trained: Path) -> Any:
        """Return the model that the earlier stage published."""
        return model

    def merge(self, model: Any, trained: Path, tokenizer: Any) -> Any:
        """Return the model that was trained: there is nothing to merge."""
        return model


ADAPTER = FullWeights
