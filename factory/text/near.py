"""Near duplicates of a text among all that were kept before: MinHash-LSH finds candidates, ROUGE-L decides.

Why the candidates suffice: a common subsequence is also a common multiset of tokens, so ROUGE-L >= t implies
a Jaccard similarity of the token multisets of at least t / (2 - t), whatever the texts. `lsh_shape` picks
bands and rows (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4) so that a pair
exactly at that bound shares `SHARED` bands with probability `RECALL`, and any closer pair with a higher one:
no tuning on data. That several shared bands are asked for and not one is collision counting (C2LSH, Gan et
al. 2012).

Promise: what is returned is exact ROUGE-L; the same calls in the same order give the same answers in every
process. A text whose tokens equal those of a stored one costs one look-up and is stored once, so a flood of
copies costs nothing. The latest `RECENT` texts are compared one by one; older ones stand in a few sorted runs
that are merged as they grow, each with a table of where its ranges begin. Memory is the index alone: 9 bytes
a band (183 bands at a threshold of 0.7) and about 400 bytes for a stored text.

Not promised: the last `1 - RECALL` of pairs that lie at the threshold exactly. What stands after the first
`MAX_CHARACTERS` characters of a text is not read. Texts that are alike but not near duplicates are still
candidates for one another, and their number grows with the index: 60 a look-up at 70,000 invented
instructions, of which each costs a tenth of a microsecond or two.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rapidfuzz.distance import Indel, LCSseq
from rapidfuzz.process import extractOne

from factory.text.rouge import tokens

RECALL = 0.99
RECENT = 256
MAX_CHARACTERS = 20_000
# A pair has to share three bands: one is what texts of one template share by chance, and ROUGE-L costs ten
# times as much as counting.
SHARED = 3
# An entry of the sorted arrays is one number: 8 bits of band, 28 of the band's hash, 28 of the text's place.
MAX_BANDS, HASH_BITS, PLACE_BITS = 200, 28, 28
# Merging takes the memory of what it merges once more: larger arrays than this (in entries, 512 MB) stay as
# they are.
_LARGEST = 1 << 26
_MAX_ROWS, _CHUNK = 16, 1024
_PLACE = np.uint64((1 << PLACE_BITS) - 1)
_CHARACTERS = 0x110000
_WORD = (1 << 64) - 1


def lsh_shape(threshold: float) -> tuple[int, int]:
    """Return (bands, rows) for a ROUGE-L threshold: as many rows as MAX_BANDS allows. ValueError outside
    0.3 to 1."""
    if not 0.3 <= threshold <= 1:
        raise ValueError(f"a near-duplicate threshold lies between 0.3 and 1, not {threshold}")
    jaccard = threshold / (2 - threshold)
    for rows in range(_MAX_ROWS, 0, -1):
        for bands in range(SHARED, MAX_BANDS + 1):
            if found_with_probability(jaccard, bands, rows) >= RECALL:
                return bands, rows
    raise AssertionError("one row a band is enough for every threshold from 0.3")


def found_with_probability(jaccard: float, bands: int, rows: int) -> float:
    """Return the probability that two texts of a Jaccard similarity share SHARED bands or more."""
    same = jaccard**rows
    return 1 - sum(
        math.comb(bands, shared) * same**shared * (1 - same) ** (bands - shared) for shared in range(SHARED)
    )


class NearIndex:
    """Kept texts. `threshold` is the minimum ROUGE-L (0.3 to 1) at which two texts are near duplicates."""

    def __init__(self, threshold: float):
        self.threshold = threshold
        self.bands, self.rows = lsh_shape(threshold)
        # Fixed, or a verdict would change from run to run. Odd factors make each function a permutation of
        # 64-bit numbers.
        chance = np.random.Generator(np.random.PCG64(20040721))
        count = self.bands * self.rows
        self._factors: np.ndarray = chance.integers(0, 2**64, count, np.uint64) | np.uint64(1)
        self._offsets: np.ndarray = chance.integers(0, 2**64, count, np.uint64)
        self._mixers: np.ndarray = chance.integers(0, 2**64, self.rows, np.uint64) | np.uint64(1)
        self._band: np.ndarray = np.arange(self.bands, dtype=np.uint64) << np.uint64(HASH_BITS + PLACE_BITS)
        self._words: dict[str, tuple[str, int]] = {}
        self._ids: list[str] = []
        self._texts: list[str] = []
        self._places: dict[str, int] = {}
        self._recent: list[np.ndarray] = []
        self._runs: list[_Run] = []
        self._latest: tuple[str, _Tokenized] | None = None

    def __len__(self) -> int:
        """The number of stored texts; copies count once."""
        return len(self._texts)

    def nearest(self, text: str) -> tuple[str, float] | None:
        """Return the id and the ROUGE-L of the most similar stored text, the first of equals; None if all are
        below the threshold."""
        tokenized = self._read(text)
        if (place := self._places.get(tokenized.text)) is not None:
            return self._ids[place], 1.0
        places = self._candidates(tokenized)
        # The normalised indel similarity is the F-measure of ROUGE-L; the margin is for its rounding, the
        # decision is made below.
        best = extractOne(
            tokenized.text,
            [self._texts[place] for place in places],
            scorer=Indel.normalized_similarity,
            score_cutoff=self.threshold - 1e-9,
        )
        if best is None:
            return None
        score = _score(tokenized.text, best[0])
        return (self._ids[places[best[2]]], score) if score >= self.threshold else None

    def all_near(self, text: str) -> dict[str, float]:
        """Return the id and ROUGE-L of every stored text at or above the threshold;
        unlike `nearest`, all matches."""
        tokenized = self._read(text)
        places = {*self._candidates(tokenized), self._places.get(tokenized.text, -1)} - {-1}
        scores = {self._ids[place]: _score(tokenized.text, self._texts[place]) for place in sorted(places)}
        return {identifier: score for identifier, score in scores.items() if score >= self.threshold}

    def add(self, identifier: str, text: str) -> None:
        """Store a text under its id; a copy of a stored text is not stored again. ValueError when full."""
        tokenized = self._read(text)
        if tokenized.text in self._places:
            return
        place = len(self._texts)
        if place == _PLACE:
            raise ValueError(f"a near-duplicate index holds {place} texts")
        self._places[tokenized.text] = place
        self._ids.append(identifier)
        self._texts.append(tokenized.text)
        self._recent.append(tokenized.keys | np.uint64(place))
        if len(self._recent) == RECENT:
            self._settle()

    def _settle(self) -> None:
        self._runs.append(_Run(np.concatenate(self._recent), self.bands))
        self._recent = []
        while len(self._runs) > 1 and self._runs[-2].entries.size < min(
            4 * self._runs[-1].entries.size, _LARGEST
        ):
            entries = np.concatenate([self._runs.pop().entries, self._runs.pop().entries])
            self._runs.append(_Run(entries, self.bands))

    def _candidates(self, tokenized: "_Tokenized") -> list[int]:
        found: list[int] = []
        for run in self._runs:
            places = run.find(tokenized.keys)
            places.sort()
            shared = places[SHARED - 1 :][places[SHARED - 1 :] == places[: 1 - SHARED]]
            found += np.unique(shared).tolist()
        return [*sorted(found), *range(len(self._texts) - len(self._recent), len(self._texts))]

    def _read(self, text: str) -> "_Tokenized":
        if self._latest and self._latest[0] is text:
            return self._latest[1]
        characters: list[str] = []
        values: list[int] = []
        seen: dict[str, int] = {}
        for token in tokens(text[:MAX_CHARACTERS]):
            character, value = self._words.get(token) or self._learn(token)
            characters.append(character)
            # The second "the" is another element than the first: a multiset as a set.
            values.append((value + seen.get(token, 0) * 0x9E3779B97F4A7C15) & _WORD)
            seen[token] = seen.get(token, 0) + 1
        tokenized = _Tokenized("".join(characters), np.array(values, dtype=np.uint64), self)
        self._latest = (text, tokenized)
        return tokenized

    def _learn(self, token: str) -> tuple[str, int]:
        # Not Python's hash, which differs from process to process.
        value = int.from_bytes(
            hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
        )
        # Tokens are characters to rapidfuzz, the fastest it knows. A flood of new tokens must not fill the
        # memory: the millionth shares.
        if len(self._words) < _CHARACTERS:
            self._words[token] = (chr(len(self._words)), value)
            return self._words[token]
        return chr(value % _CHARACTERS), value

    def keys(self, values: np.ndarray) -> np.ndarray:
        """Return the band keys of a text's token values, as (bands,) numbers whose lowest PLACE_BITS are
        free."""
        lowest: np.ndarray = np.full(self._factors.size, _WORD, dtype=np.uint64)
        for start in range(0, values.size, _CHUNK):
            hashed = values[start : start + _CHUNK, None] * self._factors + self._offsets
            np.minimum(lowest, hashed.min(axis=0), out=lowest)
        mixed = (lowest.reshape(self.bands, self.rows) * self._mixers).sum(axis=1)
        return self._band | mixed >> np.uint64(64 - HASH_BITS) << np.uint64(PLACE_BITS)


def _score(first: str, second: str) -> float:
    return 2 * LCSseq.similarity(first, second) / (len(first) + len(second)) if first or second else 1.0


class _Run:
    """Entries of some texts, sorted, with a table of where each range of hashes begins: a binary search would
    wait for memory."""

    def __init__(self, entries: np.ndarray, bands: int):
        entries.sort()
        self.entries = entries
        texts = entries.size // bands
        bits = max(0, texts.bit_length() - 3)
        self._shift = np.uint64(HASH_BITS - bits + PLACE_BITS)
        self._starts: np.ndarray = entries.searchsorted(
            np.arange((bands << bits) + 1, dtype=np.uint64) << self._shift
        ).astype(np.uint32)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return the places of the texts with these band keys, one for each band that a text shares."""
        slots = (keys >> self._shift).astype(np.int64)
        starts = self._starts[slots].astype(np.int64)
        counts = self._starts[slots + 1] - starts
        ends = np.cumsum(counts)
        entries = self.entries[np.repeat(starts - ends + counts, counts) + np.arange(ends[-1])]
        return entries[entries ^ np.repeat(keys, counts) <= _PLACE] & _PLACE


@dataclass(frozen=True)
class _Tokenized:
    """A text as the index sees it: one character for each token, and the 64-bit values of its tokens."""

    text: str
    values: np.ndarray
    index: NearIndex

    @cached_property
    def keys(self) -> np.ndarray:
        return self.index.keys(self.values)
