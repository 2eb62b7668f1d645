"""Virtual tokens made part of a model, so that any server of Transformers folders serves a prompt-tuned
student.

The trained embeddings become the embeddings of new special tokens, and the chat template puts these tokens
before every conversation. The output layer must not take them for words: it gets weights of its own, in which
each new token has the row of a reserved token that no conversation holds, and so its probability.

Promise: the logits of the old tokens are those of the prompt-tuned model. Not promised: the size of a model
whose embedding was shared; it grows by one embedding.
"""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

_TOKEN = "<|soft_{}|>"


def add_soft_tokens(model: Any, tokenizer: PreTrainedTokenizerBase, soft: torch.Tensor) -> None:
    """Give `model` and `tokenizer`, in place, a token for each row of `soft` (tokens, width), which the chat
    template puts first."""
    names = [_TOKEN.format(number) for number in range(len(soft))]
    reserved = _reserved(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": names}, replace_extra_special_tokens=False)
    tokenizer.chat_template = "{{- " + '"' + "".join(names) + '"' + " -}}\n" + str(tokenizer.chat_template)
    ids = torch.tensor([tokenizer.convert_tokens_to_ids(name) for name in names])
    embedding, head = model.get_input_embeddings().weight.detach(), model.get_output_embeddings()
    size = max(embedding.shape[0], int(ids.max()) + 1)
    rows = torch.zeros(size, embedding.shape[1], dtype=embedding.dtype)
    rows[: len(embedding)] = embedding
    outputs = torch.zeros(size, embedding.shape[1], dtype=embedding.dtype)
    outputs[: len(embedding)] = head.weight.detach()
    rows[ids] = soft.to(embedding.dtype)
    outputs[ids] = head.weight.detach()[reserved]
    model.set_input_embeddings(nn.Embedding.from_pretrained(rows, freeze=False))
    own = nn.Linear(outputs.shape[1], size, bias=False, dtype=outputs.dtype)
    own.weight = nn.Parameter(outputs)
    model.set_output_embeddings(own)
    settings = model.config.get_text_config()
    settings.vocab_size, settings.tie_word_embeddings = size, False
    model.config.tie_word_embeddings = False


def _reserved(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the id of a special token that no conversation holds; of the last one that there is, if all are
    in use."""
    used = {tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id}
    template = str(tokenizer.chat_template)
    special = sorted(tokenizer.added_tokens_decoder.items())
    free = [
        number
        for number, token in special
        if token.special and number not in used and token.content not in template
    ]
    return free[-1] if free else special[-1][0]
