"""Tiny random models, a tokenizer of 200 words, and training rows made of nothing, for tests of the
trainers."""

import random
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from factory.tasks.rows import IGNORED, TeacherSpan, TrainingRow

# Threads that wait for each other on tensors of this size only take time, on a busy machine minutes.
torch.set_num_threads(1)

VOCABULARY = 200
K = 6


def model(seed: int, *, layers: int = 2, width: int = 32, vocabulary: int = VOCABULARY) -> Any:
    """Return a Llama of random weights, in evaluation mode."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=48,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.3,
        eos_token_id=1,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


def adapted(seed: int) -> Any:
    """Return a model with a LoRA adapter whose update is not nothing."""
    torch.manual_seed(seed)
    return get_peft_model(
        model(seed),
        LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False),
    )


def tokenizer() -> Any:
    words = {f"w{i}": i for i in range(VOCABULARY)}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="w2")), pad_token="w0", eos_token="w1"
    )


def rows(count: int, seed: int, teacher: Any = None) -> list[TrainingRow]:
    """Return rows; with a teacher their stored distributions are its own."""
    chance = random.Random(seed)

    def tokens(low: int, high: int) -> list[int]:
        return [chance.randrange(3, VOCABULARY) for _ in range(chance.randrange(low, high))]

    made = []
    for number in range(count):
        prompt, opening, call, closing, between, answer = (
            tokens(2, 6),
            tokens(1, 3),
            tokens(2, 7),
            tokens(1, 3),
            tokens(1, 5),
            tokens(1, 4),
        )
        labels = [IGNORED] * len(prompt) + opening + call + closing + [IGNORED] * len(between) + answer
        teacher_ids = tokens(5, 15) + call
        top: list[list[list[Any]]] = [[], []]
        if teacher is not None:
            logprobs = logits(teacher, teacher_ids)[-len(call) - 1 : -1].log_softmax(1).topk(K, dim=1)
            top = [logprobs.indices.tolist(), logprobs.values.tolist()]
        made.append(
            TrainingRow(
                f"b2:{number}",
                prompt + opening + call + closing + between + answer,
                labels,
                (
                    TeacherSpan(
                        len(prompt) + len(opening),
                        len(call),
                        teacher_ids,
                        top[0],
                        top[1],
                        "" if teacher is not None else "no_logprobs",
                    ),
                ),
                calls=((len(prompt) + len(opening), len(call)),),
            )
        )
    return made


def logits(model: Any, ids: list[int]) -> torch.Tensor:
    """Return the logits (length, vocabulary) of one row without padding, in float64."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].double()


def hidden(model: Any, ids: list[int], layer: int) -> torch.Tensor:
    """Return the states (length, width) of one row at a layer, in float64."""
    with torch.no_grad():
        return (
            model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[layer][0].double()
        )


def _stored(row: TrainingRow) -> dict[str, Any]:
    ids = [each for span in row.spans for each in span.topk_ids]
    logprobs = [each for span in row.spans for each in span.topk_logprobs]
    return {"topk_ids": ids, "topk_logprobs": logprobs} if ids else {}


def columns(rows: list[TrainingRow]) -> list[dict[str, Any]]:
    """Return the rows as the trainers' datasets hold them."""
    return [
        {"row": i, "sample": i, "input_ids": row.input_ids, "labels": row.labels}
        | {"spans": [[span.start, span.length] for span in row.spans]}
        | {"teacher_ids": [span.teacher_ids for span in row.spans]}
        | _stored(row)
        for i, row in enumerate(rows)
    ]


def arguments(folder: Path, *, steps: int = 4, **changes: Any) -> dict[str, Any]:
    """Return what every configuration of a trainer is made with."""
    return {
        "output_dir": str(folder),
        "max_steps": steps,
        "per_device_train_batch_size": 3,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "save_strategy": "no",
        "seed": 5,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "remove_unused_columns": False,
        "max_length": None,
        "dataloader_pin_memory": False,
    } | changes


def dataset(rows: list[TrainingRow]) -> Dataset:
    return Dataset.from_list(columns(rows))
