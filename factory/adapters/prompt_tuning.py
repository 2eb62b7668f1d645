"""Prompt tuning: trained virtual tokens before the conversation (Lester et al., 2021, arXiv 2104.08691)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from factory.adapters.adapter import Adapter


class PromptTuning(Adapter):
    """Virtual tokens before the conversation, and nothing else (Lester et al., 2021, arXiv 2104.08691)."""

    heads: ClassVar[bool] = False

    kind: Literal["prompt_tuning"] = Field(
        description="Virtual tokens before the conversation; all weights stay frozen. Wants a higher "
        "learning_rate than lora, such as 0.05."
    )
    tokens: int = Field(default=16, ge=1, le=512, description="How many virtual tokens.")
    init: str | None = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description="Text that they begin as, cut or repeated. Empty: tokens drawn by chance.",
    )

    def wrap(self, model: Any, tokenizer: Any, new: Sequence[str] = ()) -> Any:
        """Return the model with virtual tokens that begin as tokens of `init`, or as random ones."""
        import torch
        from peft import PromptTuningConfig, PromptTuningInit, TaskType, get_peft_model

        config = PromptTuningConfig(
            task_type=TaskType.CAUSAL_LM,
            num_virtual_tokens=self.tokens,
            prompt_tuning_init=PromptTuningInit.RANDOM,
        )
        embeddings = model.get_input_embeddings().weight
        drawn = torch.randint(len(tokenizer), (self.tokens,)).tolist()
        ids = tokenizer.encode(self.init, add_special_tokens=False) if self.init else drawn
        chosen = torch.tensor([ids[place % len(ids)] for place in range(self.tokens)])
        tuned = get_peft_model(model, config)
        with torch.no_grad():
            # Tokens that mean something are a better beginning than noise (Lester et al., section 3.2).
            tuned.prompt_encoder["default"].embedding.weight.copy_(embeddings[chosen])
        return tuned

    def resume(self, model: Any, trained: Path) -> Any:
        """Return the model with the virtual tokens of an earlier stage, to be trained further."""
        from peft import PeftModel

        # PEFT loads virtual tokens for inference only.
        tuned = PeftModel.from_pretrained(model, trained)
        tuned.prompt_encoder.requires_grad_(True)
        tuned.peft_config["default"].inference_mode = False
        return tuned

    def merge(self, model: Any, trained: Path, tokenizer: Any) -> Any:
        """Make the virtual tokens tokens of the vocabulary; `tokenizer` learns them."""
        from peft import PeftModel

        from factory.adapters.soft_tokens import add_soft_tokens

        tuned = PeftModel.from_pretrained(model, trained)
        plain = tuned.get_base_model()
        add_soft_tokens(plain, tokenizer, tuned.get_prompt_embedding_to_save("default"))
        return plain


ADAPTER = PromptTuning
