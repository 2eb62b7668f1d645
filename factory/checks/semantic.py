"""Semantic duplicates: the kept text whose meaning is nearest, by the cosine of sentence vectors.

What the encoder cannot tell apart is compared as it is written: two texts whose numbers differ, or the words
that the encoder's vocabulary lacks, never say the same, however near their vectors are ("the sum of 1290 and
388" lies at 0.97 from "the sum of 1291 and 388"). A duplicate that is missed is the cheaper error.

Promise: the cosine is exact to five decimals; the same calls in the same order give the same answers; of
equally near texts the first.

Cost: the encoder's, 12 ms of one core for a text of 24 tokens and 110 ms for 256 (a text that was just asked
for is stored without a second pass), and a look-up that reads 1.5 kB for each stored text: 0.1 ms at 4,000, 5
ms at 100,000. Put it after the near-duplicate check, which costs a fraction of that.

Where to put the threshold: of a dozen English pairs looked at, paraphrases lay between 0.66 and 0.94, other
tasks of one pattern ("into French", "into Spanish") up to 0.87, unrelated ones below 0.25. At 0.9 little is
rejected wrongly, and half of the paraphrases pass.

Not promised: who does what to whom ("miles to kilometres", "kilometres to miles": 0.998), negation (0.99),
numbers spelt out. The encoder was trained on English; German and French work less well. Other alphabets are
spelt in letters, and unrelated texts lie as high as 0.83. For Chinese it is of little use: half or more of
the characters of a text are unknown to it and have to be the same, so hardly a paraphrase is found, but
neither is one text taken for another that differs in such a character. Texts of more than
`sentence_encoder.MAX_TOKENS` tokens are near to nothing.
"""

import re

import numpy as np

from factory.checks.sentence_encoder import SIZE, sentence_encoder

_BLOCK = 4096
_DECIMALS = 5
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class SemanticIndex:
    """The kept texts. `threshold` is the least cosine, above 0 and up to 1, at which two texts say the same.

    ValueError for another threshold; FactoryError if the encoder is not installed.
    """

    def __init__(self, threshold: float):
        if not 0 < threshold <= 1:
            raise ValueError(f"a semantic threshold lies between 0 and 1, not {threshold}")
        self.threshold = threshold
        self._encoder = sentence_encoder()
        self._ids: list[str] = []
        self._blocks: list[_Block] = []
        self._literals: dict[tuple[str, ...], int] = {}
        self._latest: tuple[str, np.ndarray, int] | None = None

    def __len__(self) -> int:
        """The number of stored texts."""
        return len(self._ids)

    def nearest(self, text: str) -> tuple[str, float] | None:
        """Return the id and the cosine of the stored text nearest in meaning; None if all are below the
        threshold."""
        vector, literals = self._read(text)
        best, score = -1, 0.0
        with self._encoder.one_thread():
            for number, block in enumerate(self._blocks):
                cosines = block.cosines(vector, literals)
                place = int(cosines.argmax())
                if cosines[place] > score:
                    best, score = number * _BLOCK + place, float(cosines[place])
        score = round(score, _DECIMALS)
        return (self._ids[best], score) if best >= 0 and score >= self.threshold else None

    def add(self, identifier: str, text: str) -> None:
        """Store a text under its id."""
        vector, literals = self._read(text)
        if len(self._ids) % _BLOCK == 0:
            self._blocks.append(_Block())
        self._blocks[-1].add(vector, literals)
        self._ids.append(identifier)

    def _read(self, text: str) -> tuple[np.ndarray, int]:
        """Return the vector of a text, and a number that texts with the same literals share."""
        if self._latest is None or self._latest[0] != text:
            vector, unknown = self._encoder.encode(text)
            literals = (*_NUMBER.findall(text), *unknown) if vector.any() else ()
            self._latest = text, vector, self._literals.setdefault(literals, len(self._literals))
        return self._latest[1:]


class _Block:
    """Up to _BLOCK vectors, in memory of fixed size: what is stored is never moved."""

    def __init__(self) -> None:
        self._vectors: np.ndarray = np.zeros((_BLOCK, SIZE), dtype=np.float32)
        self._literals: np.ndarray = np.full(_BLOCK, -1)
        self._count = 0

    def add(self, vector: np.ndarray, literals: int) -> None:
        self._vectors[self._count] = vector
        self._literals[self._count] = literals
        self._count += 1

    def cosines(self, vector: np.ndarray, literals: int) -> np.ndarray:
        """Return a cosine for each stored vector, -1 where the literals differ; rounded, so that equal texts
        have equal ones."""
        same = self._literals[: self._count] == literals
        return np.where(same, np.round(self._vectors[: self._count] @ vector, _DECIMALS), np.float32(-1))
