"""Resolution of a model name to a folder on disk and a revision that pins its content.

The order is: a bundled name, a folder found from the recipe, a Hugging Face id. The revision of a bundled
model is its GGUF's digest, of a Hugging Face id its commit, of a local folder its content, of a served model
what the recipe says. Downloads happen in the calling process, which may see the user's token; stages that
load models never do.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from factory.errors import FactoryError, InputError
from factory.models.artifact import verify
from factory.models.bundled import BUNDLED, converted_folder
from factory.models.folder import ModelFolder, inspect

SERVED = "served"  # the revision of a model behind servers, where none is written
_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "tokenizer*", "merges.txt", "vocab.txt"]
_FILES += ["README.md", "LICENSE", "LICENSE.md"]  # the licence, for the card of what is made of it


@dataclass(frozen=True)
class ModelSource:
    """A named model, pinned. `folder` may not exist yet if the model is a bundled one that was never
    converted."""

    name: str
    revision: str
    folder: Path

    @property
    def ready(self) -> bool:
        """Whether the folder is there; a bundled model's folder is proved against its
        manifest, and raises FactoryError if that is of another version."""
        if self.name not in BUNDLED:
            return True
        if not self.folder.is_dir():
            return False
        if verify(self.folder, quick=True).about.get("gguf_sha256") != BUNDLED[self.name].sha256:
            raise FactoryError(
                f"{self.folder} was converted from another version of {self.name}",
                "Remove the folder: the next run converts the model again.",
            )
        return True

    def facts(self) -> ModelFolder:
        """Return the facts of the folder; raise InputError if it is not a model."""
        return inspect(self.folder)


def resolve_model(name: str, revision: str | None, find: Callable[[str], Path]) -> ModelSource:
    """Return the pinned source of a model name; download a Hugging Face id if it is not in the cache.

    `find` turns a name into a local folder, or raises InputError where there is none.
    Raises InputError if the folder is no model, FactoryError if the download fails.
    """
    if name in BUNDLED:
        return ModelSource(name, BUNDLED[name].revision, converted_folder(name))
    try:
        folder = find(name)
    except InputError:
        return _download(name, revision)
    return ModelSource(name, inspect(folder).digest, folder)


def resolve_endpoint(name: str, revision: str | None) -> ModelSource:
    """Return the source of a model behind OpenAI-compatible servers: it is what it is called, on whichever
    servers, unless `revision` adds to it. The weights behind it are unknown."""
    return ModelSource(name, revision or SERVED, Path(os.devnull))


def _download(name: str, revision: str | None) -> ModelSource:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=_FILES))
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise InputError(
            f"there is no model {name}"
            + (f" at revision {revision}" if revision else "")
            + " on the hub, or it is not yours to read"
        ) from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise FactoryError(
            f"{name} could not be downloaded: {str(error).splitlines()[0]}",
            "Is the network reachable? A local folder works without it.",
        ) from None
    inspect(folder)
    return ModelSource(name, folder.name, folder)
