"""LoRA: low-rank matrices beside frozen weights (Hu et al., 2021, arXiv 2106.09685)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from factory.adapters.adapter import Adapter


class Lora(Adapter):
    """Low-rank matrices beside frozen weights (Hu et al., 2021, arXiv 2106.09685)."""

    kind: Literal["lora"] = Field(default="lora", description="Low-rank matrices beside frozen weights.")
    rank: int = Field(
        default=16,
        ge=1,
        le=512,
        description="Rank of the update: more rank, more room to learn and more memory.",
    )
    alpha: int = Field(
        default=32, ge=1, le=2048, description="Scale of the update; it is applied as alpha / rank."
    )
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the adapter's inputs dropped in training."
    )
    rslora: bool = Field(
        default=False, description="Apply alpha / sqrt(rank) instead: steadier at high ranks."
    )
    dora: bool = Field(
        default=False,
        description="Learn size and direction of the weights apart (DoRA): slower, better at low ranks.",
    )

    def wrap(self, model: Any, tokenizer: Any, new: Sequence[str] = ()) -> Any:
        """Return the model with new matrices on all linear layers but the output layer and what is new."""
        from peft import LoraConfig, TaskType, get_peft_model

        whole: dict[str, Any] = {}
        if new:
            inside = [
                name
                for name, _ in model.named_modules()
                if any(f"{name}.".startswith(f"{one}.") for one in new)
            ]
            whole = {"modules_to_save": list(new), "exclude_modules": inside}
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            use_rslora=self.rslora,
            use_dora=self.dora,
            target_modules="all-linear",
            task_type=TaskType.SEQ_CLS if new else TaskType.CAUSAL_LM,
            **whole,
        )
        return get_peft_model(model, config)

    def resume(self, model: Any, trained: Path) -> Any:
        """Return the model with the matrices of an earlier stage, to be trained further."""
        from peft import PeftModel

        return PeftModel.from_pretrained(model, trained, is_trainable=True)

    def merge(self, model: Any, trained: Path, tokenizer: Any) -> Any:
        """Add the matrices to the weights."""
        from peft import PeftModel

        return PeftModel.from_pretrained(model, trained).merge_and_unload()


ADAPTER = Lora
