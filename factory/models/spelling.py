"""The text of a model's tokens, by its `tokenizer.json` alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tokenizers import Tokenizer


def read_spelling(folder: Path) -> Callable[[Sequence[int]], str] | None:
    """Return what gives the text of token ids, special tokens left out; None where the folder has no
    tokenizer."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    tokenizer = Tokenizer.from_file(str(path))
    return lambda tokens: str(tokenizer.decode(list(tokens)))
