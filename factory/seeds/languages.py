"""The language of each seed: what its row says, what the recipe says of rows that name none, or what its
words tell.

Promise: a row whose words do not tell takes the language that the name of its file tells, else that of most
rows of the source that are in its script; only where no row tells any does it count as English, and that is
said. What was found is said where it is more than English.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from factory.seeds.format import Content, SeedFormat
from factory.seeds.row import Part
from factory.seeds.seed import Seed
from factory.text.spoken import OTHER_SCRIPTS, spoken

_CODES = """
ar bg bn cs da de el en es et fa fi fr he hi hr hu id it ja ko lt lv ms nl no pl pt ro ru sk sl sr sv sw ta te
th tr uk ur vi zh
"""
_WORD = re.compile(r"(?<![a-z])[a-z]{2}(?![a-z])")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]{2}")
_WORDS = re.compile(r"[^\W\d_]{2,}")
_ASSUMED = "en"
UNTOLD = ""


@dataclass
class Languages:
    """Gathers while rows are read; `given` is what the recipe says of rows that name no language."""

    given: str | None = None
    _said: Counter[str] = field(default_factory=Counter)
    _found: Counter[str] = field(default_factory=Counter)
    _of_files: dict[str, str] = field(default_factory=dict)
    _assumed: int = 0

    def of(self, parsed: SeedFormat, content: Content, part: Part) -> str:
        """Return the language of a task, `UNTOLD` where only all rows together can tell."""
        if "language" in parsed.model_fields_set:
            self._said[parsed.language] += 1
            return parsed.language
        if self.given is not None:
            return self.given
        found = spoken(content.question) or spoken(f"{content.question}\n{content.input}")
        if found is not None:
            self._found[found] += 1
            return found
        named = [code for code in _WORD.findall(part.stem.casefold()) if code in _CODES.split()]
        if len(named) == 1:
            self._of_files[part.name] = named[0]
        return UNTOLD

    def settled(self, seeds: Iterable[Seed]) -> list[Seed]:
        """Return the seeds, each with a language."""
        told = [code for code, _ in (self._said + self._found).most_common()]
        done = []
        for seed in seeds:
            if seed.language == UNTOLD:
                latin = _LATIN.search(seed.question) is not None
                usual = (code for code in told if not (latin and code in OTHER_SCRIPTS))
                language = self._of_files.get(seed.source) or next(usual, None)
                self._assumed += language is None and _is_prose(seed.question)
                self._found[language or _ASSUMED] += 1
                seed = replace(seed, language=language or _ASSUMED)
            done.append(seed)
        return done

    def told(self) -> list[str]:
        """Return what a person should know, a sentence each."""
        if self._assumed:
            rows = "1 row names" if self._assumed == 1 else f"{self._assumed} rows name"
            return [
                f"{rows} no language, and no words tell it, so they count as {_ASSUMED}; say it with "
                "data.language, or a column language"
            ]
        if set(self._found) <= {_ASSUMED}:
            return []
        found = ", ".join(f"{code} {count}" for code, count in self._found.most_common())
        return [
            f"{self._found.total()} rows name no language; by their words: {found}; to say another, write "
            "data.language, or a column language"
        ]


def _is_prose(text: str) -> bool:
    """Return whether a language could be told of a text: three words, or a letter that English lacks."""
    words = _WORDS.findall(text)
    return len(words) > 2 or any(not word.isascii() for word in words)
