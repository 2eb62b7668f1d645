"""What is trained of the student, put on its base, taken up again, and made one with it.

Promise: trained weights are float32 whatever the frozen ones are, because bfloat16 rounds small updates away.
`merged` gives a model of its own: low-rank updates are added to the weights; virtual tokens become tokens of
the vocabulary (`factory.student.soft_tokens`). An adapter stands on its base with rows for tokens that it was
never trained on (`factory.student.untrained_tokens`), as does what is merged.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, PromptTuningConfig, PromptTuningInit, TaskType, get_peft_model
from transformers import AutoModelForCausalLM, PreTrainedTokenizerBase

from factory.recipe.adapter import Adapter, FullWeights, Lora, PromptTuning
from factory.student.soft_tokens import add_soft_tokens
from factory.student.untrained_tokens import give_rows


def new_student(
    base: Path,
    adapter: Adapter,
    tokenizer: PreTrainedTokenizerBase,
    dtype: torch.dtype,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
    *,
    marks: Sequence[str] = (),
) -> Any:
    """Return the base with something new to be trained; `dtype` is that of frozen weights, `say` takes a line
    for the person, `marks` are the control tokens that the student writes."""
    model = _load(base, torch.float32 if isinstance(adapter, FullWeights) else dtype, tokenizer, marks, say)
    torch.manual_seed(seed)
    if isinstance(adapter, Lora):
        config = LoraConfig(
            r=adapter.rank,
            lora_alpha=adapter.alpha,
            lora_dropout=adapter.dropout,
            use_rslora=adapter.rslora,
            use_dora=adapter.dora,
            target_modules="all-linear",
            task_type=TaskType.CAUSAL_LM,
        )
        return get_peft_model(model, config)
    if isinstance(adapter, PromptTuning):
        return _with_virtual_tokens(model, adapter, tokenizer)
    return model


def further_student(
    base: Path,
    adapter: Adapter,
    trained: Path,
    tokenizer: PreTrainedTokenizerBase,
    dtype: torch.dtype,
    *,
    marks: Sequence[str] = (),
) -> Any:
    """Return the base with what an earlier stage left in `trained`, to be trained on."""
    if isinstance(adapter, FullWeights):
        return _load(trained, torch.float32)
    if isinstance(adapter, Lora):
        return PeftModel.from_pretrained(_load(base, dtype, tokenizer, marks), trained, is_trainable=True)
    # PEFT takes up virtual tokens for use only.
    model = PeftModel.from_pretrained(_load(base, dtype, tokenizer, marks), trained)
    model.prompt_encoder.requires_grad_(True)
    model.peft_config["default"].inference_mode = False
    return model


def merged(
    base: Path,
    adapter: Adapter,
    trained: Path,
    tokenizer: PreTrainedTokenizerBase,
    *,
    marks: Sequence[str] = (),
) -> Any:
    """Return a model of its own, in bfloat16; `tokenizer` learns its virtual tokens, if it has some."""
    if isinstance(adapter, FullWeights):
        return _load(trained, torch.bfloat16)
    model = PeftModel.from_pretrained(_load(base, torch.float32, tokenizer, marks), trained)
    if isinstance(adapter, Lora):
        return model.merge_and_unload().to(torch.bfloat16)
    soft = model.get_prompt_embedding_to_save("default")
    plain = model.get_base_model()
    add_soft_tokens(plain, tokenizer, soft)
    return plain.to(torch.bfloat16)


def _load(
    folder: Path,
    dtype: torch.dtype,
    tokenizer: PreTrainedTokenizerBase | None = None,
    marks: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Any:
    """Return a model; with a tokenizer it is a base, of which not every token may have been trained."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    model.config.use_cache = False
    if tokenizer is not None and (given := give_rows(model, tokenizer, marks)):
        say(
            f"  {', '.join(given)}: the base was never trained to write this; it gets the mean of the rows that spell it"
        )
    return model


def _with_virtual_tokens(model: Any, adapter: PromptTuning, tokenizer: PreTrainedTokenizerBase) -> Any:
    config = PromptTuningConfig(
        task_type=TaskType.CAUSAL_LM,
        num_virtual_tokens=adapter.tokens,
        prompt_tuning_init=PromptTuningInit.RANDOM,
    )
    embeddings = model.get_input_embeddings().weight
    drawn = torch.randint(len(tokenizer), (adapter.tokens,)).tolist()
    ids = tokenizer.encode(adapter.init, add_special_tokens=False) if adapter.init else drawn
    chosen = torch.tensor([ids[place % len(ids)] for place in range(adapter.tokens)])
    tuned = get_peft_model(model, config)
    with torch.no_grad():
        # Tokens that mean something are a better beginning than noise (Lester et al., section 3.2).
        tuned.prompt_encoder["default"].embedding.weight.copy_(embeddings[chosen])
    return tuned
