"""What can be known of a compression before anything is trained: whether this machine and this model are fit for it."""

from factory.compress.vocabulary import Vocabulary
from factory.errors import InputError
from factory.models.folder import ModelFolder
from factory.recipe.compress import GROUPED, Compress
from factory.recipe.prune import PRUNABLE


def require_prunable(base: ModelFolder) -> None:
    """Raise InputError if parts of the base cannot be taken out."""
    if base.architecture not in PRUNABLE:
        raise InputError(
            f"student.prune: {base.folder.name} is a {base.architecture}, and {' and '.join(PRUNABLE)} can be pruned here",
            "Choose another base, or remove prune.",
        )


def require_compressible(settings: Compress, base: ModelFolder, instruction_sets: list[str], *, gpu: bool) -> None:
    """Raise InputError if the settings do not suit the base or cannot be served here. Loads no model."""
    if settings.vocabulary and settings.vocabulary >= (size := len(Vocabulary(base.folder))):
        raise InputError(
            f"compress.vocabulary asks for {settings.vocabulary} tokens, and the tokenizer of {base.folder.name} has {size}",
            "Ask for fewer, or remove it.",
        )
    if settings.quantize not in GROUPED:
        return
    if not gpu and "avx512f" not in instruction_sets:
        raise InputError(
            f"compress.quantize: {settings.quantize} cannot be served on this processor: vLLM's INT4 kernel needs AVX-512",
            "Write quantize: w8a8-static, or compress on the machine that serves it.",
        )
    config = base.config.get("text_config", base.config)
    heads, width = int(config["num_attention_heads"]), base.hidden_size
    sizes = {
        "hidden_size": width,
        "intermediate_size": int(config["intermediate_size"]),
        "heads x head_dim": heads * int(config.get("head_dim") or width // heads),
    }
    for name, size in sizes.items():
        if size % settings.group_size:
            raise InputError(
                f"compress.group_size: {settings.group_size} does not divide the {name} {size} of {base.folder.name}",
                "Choose another of 32, 64 and 128; if none divides, keep 8 bits.",
            )
