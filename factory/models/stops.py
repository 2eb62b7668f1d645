"""Where a model stops: the only one of its generation settings that a student takes over from its base.

Published models come with a temperature, a penalty or a length that their makers liked. Some contradict
each other, and then nothing can be saved; others are what a server samples with by default, and then what is
served is not what was measured.
"""

from typing import Any

from transformers import GenerationConfig, PreTrainedTokenizerBase


def keep_stops(model: Any, tokenizer: PreTrainedTokenizerBase | None = None) -> None:
    """Leave the ids of special tokens alone in a model's generation settings, in place; with a tokenizer
    generation stops at the end of its turns as well."""
    before = model.generation_config
    ends = _ids(before.eos_token_id if before.eos_token_id is not None else model.config.eos_token_id)
    if tokenizer is not None:
        ends = list(dict.fromkeys([tokenizer.eos_token_id, *ends]))
    model.generation_config = GenerationConfig(
        bos_token_id=before.bos_token_id,
        pad_token_id=before.pad_token_id,
        eos_token_id=ends[0] if len(ends) == 1 else ends or None,
    )


def _ids(value: int | list[int] | None) -> list[int]:
    return [] if value is None else value if isinstance(value, list) else [value]
