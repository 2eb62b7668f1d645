"""What can be known of a compression before anything is trained: whether this machine and this model are fit for it."""

from factory.compress.vocabulary import Vocabulary
from factory.errors import InputError
from factory.models.folder import ModelFolder
from factory.recipe.compress import GROUPED, Compress
from factory.recipe.prune import CHANNELS, PRUNABLE, Prune


def require_prunable(base: ModelFolder, prune: Prune, key: str = "student.prune") -> None:
    """Raise InputError if parts of the base cannot be taken out."""
    if base.architecture not in PRUNABLE:
        raise InputError(
            f"{key}: {base.folder.name} is a {base.architecture}, and {' and '.join(PRUNABLE)} can be pruned here",
            "Choose another base, or remove prune.",
        )
    config = base.config.get("text_config", base.config)
    heads = int(config["num_attention_heads"])
    groups = int(config.get("num_key_value_heads") or heads)
    if prune.width and prune.kept_width(base.hidden_size, stay := heads // groups * prune.kept_groups(groups)) == base.hidden_size:
        raise InputError(
            f"{key}.width: {prune.width:g} takes nothing out of {base.folder.name}: what stays of its {base.hidden_size} dimensions has to "
            f"be a multiple of {CHANNELS} and of its {stay} heads",
            "Ask for more, up to a half, or remove width.",
        )


def require_compressible(
    settings: Compress, base: ModelFolder, instruction_sets: list[str], *, gpu: bool, pruned: Prune | None = None
) -> None:
    """Raise InputError if the settings do not suit the base, of which `pruned` is taken out before, or cannot be served here. Loads no
    model."""
    if settings.prune:
        require_prunable(base, settings.prune, "compress.prune")
    if settings.vocabulary and settings.vocabulary >= (size := len(Vocabulary(base.folder))):
        raise InputError(
            f"compress.vocabulary asks for {settings.vocabulary} tokens, and the tokenizer of {base.folder.name} has {size}",
            "Ask for fewer, or remove it.",
        )
    if settings.quantize == "fp8" and not gpu:
        raise InputError(
            "compress.quantize: fp8 cannot be served on this processor: vLLM computes in it on GPUs alone",
            "Write quantize: w8a8-dynamic, or compress on the machine that serves it.",
        )
    if settings.quantize not in GROUPED:
        return
    if not gpu and "avx512f" not in instruction_sets:
        raise InputError(
            f"compress.quantize: {settings.quantize} cannot be served on this processor: vLLM's INT4 kernel needs AVX-512",
            "Write quantize: w8a8-static, or compress on the machine that serves it.",
        )
    config = base.config.get("text_config", base.config)
    heads, width, channels = int(config["num_attention_heads"]), base.hidden_size, int(config["intermediate_size"])
    head_dim = int(config.get("head_dim") or width // heads)
    for prune in (pruned, settings.prune):
        if prune:
            groups = int(config.get("num_key_value_heads") or heads)
            heads, channels = heads // groups * prune.kept_groups(groups), prune.kept_channels(channels)
            width = prune.kept_width(width, heads)
            config = config | {"num_key_value_heads": prune.kept_groups(groups)}
    sizes = {"hidden_size": width, "intermediate_size": channels, "heads x head_dim": heads * head_dim}
    for name, size in sizes.items():
        if size % settings.group_size:
            raise InputError(
                f"compress.group_size: {settings.group_size} does not divide the {name} {size} of {base.folder.name}",
                "Choose another of 32, 64 and 128; if none divides, keep 8 bits.",
            )
