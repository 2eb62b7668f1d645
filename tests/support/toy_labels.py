"""Texts whose label one word tells, the tiny bases that learn it in seconds, and a teacher who knows it."""

import json
import math
import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from factory.chat_formats.formats import FORMATS
from factory.inference.request import Request
from tests.support.recipes import write_model
from tests.support.scripted import HEAD, write

# Threads that wait for each other on tensors of this size only take time.
torch.set_num_threads(1)

LABELS = {"money": ["invoice", "fee"], "card": ["chip", "pin"], "visit": ["door", "hour"]}
_FILLERS = [f"w{number}" for number in range(12)]
_WORDS = [*_FILLERS, *(word for words in LABELS.values() for word in words)]
_PIECES = list(map(chr, range(33, 127)))


def label_of(text: str) -> str:
    """Return the label of a text."""
    return next(label for label, words in LABELS.items() if set(text.split()) & set(words))


def texts(count: int, seed: int) -> list[dict[str, str]]:
    """Return rows of texts and their labels, as a seed file has them."""
    chance, made, seen = random.Random(seed), [], set()
    while len(made) < count:
        label = list(LABELS)[len(made) % len(LABELS)]
        words = [chance.choice(_FILLERS) for _ in range(chance.randrange(3, 6))]
        words[chance.randrange(len(words))] = chance.choice(LABELS[label])
        if (text := " ".join(words)) not in seen:
            seen.add(text)
            made.append({"id": f"t{seed}-{len(made)}", "text": text, "label": label})
    return made


def encoder(folder: Path, *, length: int = 40) -> Path:
    """Write a tiny BERT without a head or a pooler."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_WORDS]
    made = _tokenizer(words, "[UNK]")
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    names = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=made, **names).save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=length,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.3,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


def decoder(folder: Path) -> Path:
    """Write a tiny Llama whose tokenizer knows the marks of ChatML."""
    marks = ["<|endoftext|>", *FORMATS["hermes"].needed_tokens]
    words = ["[UNK]", *_WORDS, "user", "assistant"]
    made = _tokenizer(words, "[UNK]")
    made.add_special_tokens(marks)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.2,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def teacher(folder: Path) -> Path:
    """Write what looks like a teacher, whose tokens are letters."""
    write_model(folder, "teacher")
    made = Tokenizer(models.WordLevel({piece: place for place, piece in enumerate(_PIECES)}, unk_token="!"))
    made.decoder = decoders.Fuse()
    made.save(str(folder / "tokenizer.json"))
    return folder


def project(folder: Path, student: str, *, count: int = 150, held_out: int = 30, url: str = "") -> Path:
    """Write a recipe of the toy task, its texts beside it, and return its path."""
    folder.mkdir(exist_ok=True)
    write(folder / "seeds.jsonl", texts(count, 1))
    write(folder / "held_out.jsonl", texts(held_out, 2))
    head = HEAD.replace("http://127.0.0.1:9/v1", url) if url else HEAD
    data = f"{{kind: label, seeds: seeds.jsonl, labels: {json.dumps(list(LABELS))}, count: {count}}}"
    path = folder / "recipe.yaml"
    path.write_text(
        head
        + f"data: {data}\nchecks: [schema, finish_reason, agreement]\n"
        + f"evaluate: {{held_out: held_out.jsonl, repeats: 1}}\nstudent: {student}\n"
    )
    return path


def say(request: Request) -> dict[str, Any]:
    """Answer with the label, and how likely each was."""
    label = label_of(request.messages[-1]["content"])
    return {"text": json.dumps(label)} | likely(label)


def likely(label: str, sure: float = 0.9) -> dict[str, list[Any]]:
    """Return the tokens of a label as letters with what was likeliest at each: the label by `sure`, the
    others by equal shares of the rest."""
    written = json.dumps(label)
    ids = [_PIECES.index(letter) for letter in written]
    others = [name for name in LABELS if name != label]
    topk_ids, topk_logprobs = [], []
    for place, token in enumerate(ids):
        stored = {token: 0.0}
        if place == 1:  # no two labels begin alike
            rest = {_PIECES.index(name[0]): math.log((1 - sure) / len(others)) for name in others}
            stored = {token: math.log(sure)} | rest
        topk_ids.append(list(stored))
        topk_logprobs.append(list(stored.values()))
    return {
        "token_ids": ids,
        "token_logprobs": [logs[0] for logs in topk_logprobs],
        "topk_ids": topk_ids,
        "topk_logprobs": topk_logprobs,
    }


def _tokenizer(words: list[str], unknown: str) -> Tokenizer:
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token=unknown))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made
