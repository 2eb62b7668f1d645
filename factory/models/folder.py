"""Inspection of a model folder without loading it, and what is refused before anything of it is
loaded.

Promise: `inspect` reads `config.json` and the headers of the safetensors files only. It refuses folders
without weights, with pickled weights only, with code of their own (`auto_map`), or with headers that do not
fit their files. It runs nothing from the folder. Not promised: that the weights are good, or that vLLM knows
the architecture.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from factory.errors import InputError
from factory.models.forms import is_in_two_halves
from factory.system.digest import content_id, file_sha256

INDEX = "model.safetensors.index.json"
TEMPLATE = "chat_template.jinja"


@dataclass(frozen=True)
class ModelFolder:
    """Facts of one folder. Sizes in bytes; `digest` is the content id of config, tokenizer and weights."""

    folder: Path
    architecture: str
    layers: int
    hidden_size: int
    vocab_size: int
    weight_bytes: int
    config: dict[str, Any]

    @property
    def digest(self) -> str:
        names = sorted(
            path
            for path in self.folder.iterdir()
            if path.suffix in (".json", ".safetensors", ".jinja", ".model", ".txt")
        )
        return content_id(
            {
                path.name: _sha256(path, path.stat().st_mtime_ns)
                for path in names
                if path.name != "manifest.json"
            }
        )

    @property
    def positions(self) -> int | None:
        """The longest text in tokens that the model was made for; None if its configuration does not say."""
        return positions(self.config)

    @property
    def quantized(self) -> str | None:
        """The method by which the weights were quantized; None if they were not."""
        about = self.config.get("quantization_config")
        return str(about.get("quant_method", "unknown")) if isinstance(about, dict) else None

    @property
    def has_chat_template(self) -> bool:
        """Whether the tokenizer says how a conversation is written: a base that was only pretrained does
        not. Of templates with names the default is needed; a processor's `chat_template.json` is not read by
        a tokenizer."""
        path, file = self.folder / "tokenizer_config.json", self.folder / TEMPLATE
        said = _read_object(path).get("chat_template") if path.exists() else None
        if isinstance(said, list):
            said = {one.get("name"): one.get("template") for one in said if isinstance(one, dict)}
        if isinstance(said, dict):
            said = said.get("default")
        if file.is_file():
            said = file.read_text(encoding="utf-8", errors="replace")  # what Transformers reads first
        return isinstance(said, str) and bool(said.strip())

    @property
    def tokenizer_digest(self) -> str:
        """The content id of the tokenizer's vocabulary file: two models with the same one give the same ids
        to the same text."""
        return content_id(_sha256(self.folder / "tokenizer.json", 0))


def inspect(folder: Path) -> ModelFolder:
    """Return the facts of a Transformers folder, or raise InputError saying what is missing or refused."""
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a model folder: there is no such folder",
            "Name a bundled model, a Hugging Face id or a local folder.",
        )
    if not (folder / "config.json").exists():
        raise InputError(f"{folder} is not a model folder: config.json is missing")
    config = _read_object(folder / "config.json")
    settings = {"config.json": config}
    if (folder / "tokenizer_config.json").exists():
        settings["tokenizer_config.json"] = _read_object(folder / "tokenizer_config.json")
    for name, values in settings.items():
        for key in ("auto_map", "_attn_implementation_internal"):
            if key in values:
                raise InputError(
                    f"{folder / name} names code to run ({key}); models with code of their own are refused"
                )
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        other = next(iter(folder.glob("*.bin")), None)
        raise InputError(
            f"{folder} has no *.safetensors weights"
            + (f" (only {other.name}, a pickle, which is never loaded)" if other else ""),
            "Save the model again with save_pretrained.",
        )
    if not (folder / "tokenizer.json").is_file():
        raise InputError(
            f"{folder} has no tokenizer.json", "Save the tokenizer into the folder with save_pretrained."
        )
    if (folder / INDEX).exists():
        _check_index(folder)
    size = sum(_check_header(path) for path in weights)
    text = config.get("text_config", config)
    if is_in_two_halves(config):
        raise InputError(
            f"{folder} is an encoder-decoder ({config.get('model_type')}), which vLLM does not serve and "
            "nothing here trains",
            "Choose a decoder; for labels an encoder such as BERT or MiniLM will do as well.",
        )
    try:
        return ModelFolder(
            folder,
            str((config.get("architectures") or ["unknown"])[0]),
            int(_first(text, "num_hidden_layers", "n_layers")),
            int(_first(text, "hidden_size", "dim")),
            int(text["vocab_size"]),
            size,
            config,
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(
            f"{folder / 'config.json'} is not the configuration of a language model: "
            f"{error} is missing or wrong"
        ) from None


def positions(config: dict[str, Any]) -> int | None:
    """Return the longest text in tokens that a model of this configuration was made for, None if it does not
    say."""
    text = config.get("text_config", config)
    known, rope = text.get("max_position_embeddings"), text.get("rope_scaling") or {}
    if not isinstance(known, int) or not isinstance(rope, dict):
        return None
    first, factor = rope.get("original_max_position_embeddings"), rope.get("factor")
    if isinstance(first, int) and isinstance(factor, int | float):
        known = max(known, int(first * factor))
    return known


def _first(config: dict[str, Any], name: str, other: str) -> Any:
    """Return a size under its usual name, or under DistilBERT's."""
    return config[name if name in config or other not in config else other]


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object")
    return value


def _check_index(folder: Path) -> None:
    shards = _read_object(folder / INDEX).get("weight_map")
    if not isinstance(shards, dict):
        raise InputError(f"{folder / INDEX} has no weight_map", "Copy the file again.")
    here = {path.name for path in folder.glob("*.safetensors")}
    if missing := sorted({str(shard) for shard in shards.values()} - here):
        raise InputError(f"{folder}: {missing[0]} is missing, which {INDEX} names", "Copy the folder again.")


def _check_header(path: Path) -> int:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(size - 8, 100_000_000):
            raise InputError(
                f"{path} is damaged: its header claims {length} bytes in a file of {size}",
                "Copy the file again.",
            )
        try:
            header = json.loads(file.read(length))
            end = max(
                (int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"),
                default=0,
            )
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError):
            raise InputError(
                f"{path} is damaged: its header cannot be read", "Copy the file again."
            ) from None
    if 8 + length + end != size:
        raise InputError(
            f"{path} is damaged: its header describes {8 + length + end} bytes, the file has {size}",
            "Copy the file again.",
        )
    return size


@cache
def _sha256(path: Path, modified: int) -> str:
    return file_sha256(path)
