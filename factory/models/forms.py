"""What form a model's answers have, by its configuration alone: text, or one of a few labels.

An encoder writes no text: it can only be the base of a student with a classification head. A decoder can be
either. What reads one text and writes another with two halves, as T5 does, is neither here.
"""

from typing import Any

# `model_type` of a configuration, by what Transformers has a classification head for.
ENCODERS = frozenset(
    {"albert", "bert", "camembert", "deberta-v2", "distilbert", "electra", "modernbert", "roberta"}
    | {"xlm-roberta"}
)
_HEAD = "ForSequenceClassification"


def is_encoder(config: dict[str, Any]) -> bool:
    """Whether a model of this configuration reads texts and writes none."""
    return config.get("model_type") in ENCODERS and not config.get("is_decoder")


def has_head(config: dict[str, Any]) -> bool:
    """Whether a model of this configuration answers with one of a few labels."""
    return any(str(name).endswith(_HEAD) for name in config.get("architectures") or ())


def is_in_two_halves(config: dict[str, Any]) -> bool:
    """Whether it is an encoder-decoder, such as T5 or BART."""
    return config.get("is_encoder_decoder") is True
