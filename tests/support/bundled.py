"""The bundled model's tokenizer, read once in each process: out of its GGUF file that takes five seconds."""

import copy
from functools import cache
from typing import Any

from transformers import AutoTokenizer

from factory.models.bundled import gguf_path


def bundled_tokenizer() -> Any:
    """Return one that the caller may change."""
    return copy.deepcopy(_read())


@cache
def _read() -> Any:
    gguf = gguf_path("smollm2-135m-instruct")
    return AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
