"""Licence of a model that was not made here: what its folder says, in its card or in a LICENSE file.

Promise: nothing is guessed. A card's `license` is taken as it stands, a LICENSE file only where its first
lines name one of the licences below; else it is unknown, and the words say why.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from huggingface_hub import ModelCard

from factory.models.bundled import BUNDLED

UNKNOWN = "unknown"
_FIRST_LINES = {
    "apache-2.0": r"Apache License\s+Version 2\.0",
    "mit": r"(The )?MIT License",
    "bsd-3-clause": r"BSD 3-Clause",
    "cc-by-4.0": r"(Creative Commons )?Attribution 4\.0 International",
    "gpl-3.0": r"GNU GENERAL PUBLIC LICENSE\s+Version 3",
}
_READ = 4096


@dataclass(frozen=True)
class Licence:
    """A licence by the Hub's identifier, where it was found, in words, and its own name and address where the
    identifier is `other`."""

    identifier: str
    found: str
    name: str | None = None
    link: str | None = None


def licence(name: str, folder: Path | None) -> Licence:
    """Return the licence of a model of that name, which lies in `folder`, if it is anywhere."""
    if name in BUNDLED:
        return Licence(BUNDLED[name].licence, f"of {BUNDLED[name].hub_id}, from which it was made")
    if folder is None or not folder.is_dir():
        return Licence(UNKNOWN, "its folder is not here")
    return (
        _of_card(folder / "README.md") or _of_file(folder) or Licence(UNKNOWN, "its folder does not say it")
    )


def _of_card(card: Path) -> Licence | None:
    if not card.is_file():
        return None
    try:
        data = ModelCard.load(card, ignore_metadata_errors=True).data
    except (OSError, ValueError, yaml.YAMLError):
        return None
    told, name, link = (data.get(key) for key in ("license", "license_name", "license_link"))
    if not isinstance(told, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}", told):
        return None
    name, link = (one if isinstance(one, str) else None for one in (name, link))
    return Licence(told.lower(), "by its model card", name, link)


def _of_file(folder: Path) -> Licence | None:
    for path in sorted(folder.glob("LICENSE*")):
        text = path.read_bytes()[:_READ].decode(errors="replace").lstrip()
        for identifier, first in _FIRST_LINES.items():
            if re.match(first, text):
                return Licence(identifier, f"by its file {path.name}")
        return Licence("other", f"its file {path.name} has a text of its own")
    return None
