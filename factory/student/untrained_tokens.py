"""Tokens that the student has to write, and that its base was never trained on.

A vocabulary has rows that no training ever touched, and they all point one way. Where the output layer is the
embedding, no state of the model can tell such a token from its thousands of twins, and no adapter on other
layers changes that: the mark of a call in Qwen2.5-Coder costs 8.1 nats whatever is learnt. So the marks of a
call and the end of a turn, where they are such tokens, get rows of their own: the mean of the rows in which
their text would be written otherwise (Hewitt, "Initializing New Word Embeddings for Pretrained Language
Models", 2021), as long as a common row. Promise: the same base gets the same rows each time, and one that
knows its tokens stays as it is.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from factory.tasks.tokenizer import encode

# From which cosine on, and how many others, show that a row was never trained. Rows that nothing touched are
# apart by rounding alone, cosines above 0.9999; one that a short training moved is at 0.99 (the end of a
# turn of SmolLM2), and can be distinguished.
_ALIKE, _TWINS = 0.999, 8


def give_rows(model: Any, tokenizer: PreTrainedTokenizerBase, marks: Sequence[str]) -> list[str]:
    """Change the rows of such tokens among `marks` in place, in the embedding and in an output layer of its
    own; return the tokens."""
    tables = {
        id(layer.weight): layer.weight
        for layer in (model.get_input_embeddings(), model.get_output_embeddings())
    }
    given = []
    for text in dict.fromkeys(marks):
        if len(ids := encode(tokenizer, text)) != 1:
            continue
        # In two parts, or it would be taken as the token that it is.
        pieces = encode(tokenizer, text[:1]) + encode(tokenizer, text[1:])
        for table in tables.values():
            if _twins(table, ids[0]) >= _TWINS:
                _give(table, ids[0], pieces)
                given.append(text)
    return list(dict.fromkeys(given))


def _twins(table: torch.Tensor, token: int) -> int:
    rows = table.detach().float()
    return int((torch.nn.functional.cosine_similarity(rows[token][None], rows) > _ALIKE).sum()) - 1


def _give(table: torch.Tensor, token: int, pieces: list[int]) -> None:
    rows = table.detach().float()
    mean = rows[pieces].mean(0)
    with torch.no_grad():
        table[token] = (mean / mean.norm() * rows.norm(dim=1).median()).to(table.dtype)
