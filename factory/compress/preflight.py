"""Checks of a compression before anything is trained: whether this machine and this model support it."""

from dataclasses import dataclass

from factory.compress.kernels import missing_kernel
from factory.compress.vocabulary import Vocabulary
from factory.context.run import Run
from factory.errors import InputError
from factory.models.folder import ModelFolder
from factory.recipe.compress import GROUPED, Compress
from factory.recipe.prune import CHANNELS, PRUNABLE, Prune


@dataclass(frozen=True)
class _Sizes:
    layers: int
    heads: int
    groups: int
    channels: int
    width: int

    @classmethod
    def of(cls, base: ModelFolder) -> "_Sizes":
        config = base.config.get("text_config", base.config)
        try:
            heads, channels = int(config["num_attention_heads"]), int(config["intermediate_size"])
            return cls(
                base.layers,
                heads,
                int(config.get("num_key_value_heads") or heads),
                channels,
                base.hidden_size,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{base.folder / 'config.json'}: {error} is missing or not a number; compression needs it",
                "Choose another base.",
            ) from None

    def after(self, prune: Prune | None) -> "_Sizes":
        if prune is None:
            return self
        groups = prune.kept_groups(self.groups)
        heads = self.heads // self.groups * groups
        return _Sizes(
            prune.kept_layers(self.layers),
            heads,
            groups,
            prune.kept_channels(self.channels),
            prune.kept_width(self.width, heads),
        )


def require_prunable(
    base: ModelFolder, prune: Prune, key: str = "student.prune", pruned: Prune | None = None
) -> None:
    """Raise InputError if parts of the base, of which `pruned` is taken out before, cannot be taken out, or
    nothing would go."""
    if base.architecture not in PRUNABLE:
        raise InputError(
            f"{key}: {base.folder.name} is a {base.architecture}; "
            f"only {' and '.join(PRUNABLE)} can be pruned",
            "Choose another base, or remove prune.",
        )
    whole = _Sizes.of(base).after(pruned)
    stay = whole.after(prune)
    parts = {
        "layers": (whole.layers, stay.layers, "layers go one by one"),
        "heads": (whole.groups, stay.groups, "key-value groups go one by one"),
        "mlp": (whole.channels, stay.channels, f"channels stay in a multiple of {CHANNELS}"),
        "width": (
            whole.width,
            stay.width,
            f"dimensions stay in a multiple of {CHANNELS} and of its {stay.heads} heads",
        ),
    }
    for name, (before, after, how) in parts.items():
        if (share := getattr(prune, name)) and before == after:
            raise InputError(
                f"{key}.{name}: {share:g} removes nothing from {base.folder.name}: of {before} its {how}",
                f"Ask for more, up to a half, or remove {name}.",
            )


def require_written(run: Run) -> None:
    """Raise InputError if the student has a classification head."""
    if run.labels:
        raise InputError(
            f"{run.loaded.path}: compress: a student with a classification head is not compressed here: "
            "Transformers, which runs it, would not be faster for it",
            "Remove compress; choose a smaller base, or prune a decoder under student.prune.",
        )


def require_compressible(
    settings: Compress,
    base: ModelFolder,
    instruction_sets: list[str],
    *,
    gpu: bool,
    pruned: Prune | None = None,
) -> None:
    """Raise InputError if the settings do not suit the base, of which `pruned` is taken out before, or cannot
    be served here. Loads no model."""
    if settings.prune:
        require_prunable(base, settings.prune, "compress.prune", pruned)
    if settings.vocabulary and settings.vocabulary >= (size := len(Vocabulary(base.folder))):
        raise InputError(
            f"compress.vocabulary asks for {settings.vocabulary} tokens, "
            f"and the tokenizer of {base.folder.name} has {size}",
            "Ask for fewer, or remove it.",
        )
    if (why := missing_kernel(settings.quantize, instruction_sets, gpu=gpu)) is not None:
        other = "w8a8-static" if settings.quantize in GROUPED else "w8a8-dynamic"
        raise InputError(
            f"compress.quantize: {settings.quantize} cannot be served on this processor: {why}",
            f"Write quantize: {other}, or compress on the machine that serves it.",
        )
    if settings.quantize not in GROUPED:
        return
    whole = _Sizes.of(base)
    head_dim = int(base.config.get("text_config", base.config).get("head_dim") or whole.width // whole.heads)
    stay = whole.after(pruned).after(settings.prune)
    sizes = {
        "hidden_size": stay.width,
        "intermediate_size": stay.channels,
        "heads x head_dim": stay.heads * head_dim,
    }
    for name, size in sizes.items():
        if size % settings.group_size:
            raise InputError(
                f"compress.group_size: {settings.group_size} does not divide "
                f"the {name} {size} of {base.folder.name}",
                "Choose another of 32, 64 and 128; if none divides, keep 8 bits.",
            )
