"""A smaller vocabulary: the tokens that a task never uses go, and with them their rows of embedding and
output layer.

Which tokens stay: single bytes, so that every text can still be written; special and added tokens; those in
which the task's texts are written, and every token that byte-pair encoding passes on the way to them; then,
up to the size that is asked for, the tokens that were merged first, which are the most common in the
tokenizer's own training.

Promise: the texts are split as before, token for token. Other texts can still be written, in more tokens. Not
promised: tokenizers of another kind than byte-pair encoding, which are refused. Nothing here loads a model:
`factory.compress.embedding` cuts it.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from factory.errors import InputError

KEPT = "kept_tokens.json"


class Vocabulary:
    """The tokenizer of a model folder, read from its tokenizer.json; InputError if it is no byte-pair
    encoding over bytes."""

    def __init__(self, folder: Path):
        path = folder / "tokenizer.json"
        try:
            self._data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises plain Exception
            raise InputError(
                f"{path} cannot be read as a tokenizer: {str(error)[:200]}", "Copy the file again."
            ) from None
        model = self._data.get("model") or {}
        if (
            model.get("type") != "BPE"
            or model.get("byte_fallback")
            or "ByteLevel" not in json.dumps(self._data.get("pre_tokenizer"))
        ):
            raise InputError(
                f"{path}: its vocabulary cannot be cut: it is no byte-pair encoding over bytes",
                "Remove compress.vocabulary.",
            )
        self._ids: dict[str, int] = model["vocab"]
        self._merges = [
            tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in model["merges"]
        ]
        self._rank = {merge: rank for rank, merge in reversed(list(enumerate(self._merges)))}

    def __len__(self) -> int:
        return len(self._ids.keys() | {token["content"] for token in self._data["added_tokens"]})

    def kept(self, texts: Iterable[str], size: int) -> list[int]:
        """Return the ids that stay, in order: those that `texts` need, even if they are more than `size`, and
        others up to `size`."""
        added = {token["content"]: token["id"] for token in self._data["added_tokens"]}
        names = {identifier: token for token, identifier in self._ids.items()}
        stay = {token for token in self._ids if len(token) == 1}
        used: set[int] = set()
        for text in texts:
            used.update(self._tokenizer.encode(text, add_special_tokens=False).ids)
        for identifier in used:
            if (token := names.get(identifier)) is not None and token not in added:
                stay |= self._on_the_way(token)
        ids = {self._ids[token] for token in stay} | set(added.values())
        for first, second in self._merges:
            if len(ids) >= size:
                break
            # Both parts were merged earlier, if at all: what stays can be reached.
            if first in stay and second in stay and (merged := first + second) in self._ids:
                stay.add(merged)
                ids.add(self._ids[merged])
        return sorted(ids)

    def _on_the_way(self, token: str) -> set[str]:
        """Return the token, and all that byte-pair encoding makes of its bytes before it has made it."""
        parts, passed = list(token), {token}
        while len(parts) > 1:
            ranked = [
                (self._rank[pair], place)
                for place, pair in enumerate(zip(parts, parts[1:], strict=False))
                if pair in self._rank
            ]
            if not ranked:
                # Taken whole: a tokenizer may look words up before it merges.
                break
            _, place = min(ranked)
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
            passed.add(parts[place])
        return passed & self._ids.keys()

    def cut(self, folder: Path, kept: Sequence[int]) -> None:
        """Rewrite the tokenizer in `folder` so that it knows the tokens `kept` alone, numbered in their
        order."""
        new = {old: place for place, old in enumerate(kept)}
        data = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        model = data["model"]
        model["vocab"] = {token: new[old] for token, old in model["vocab"].items() if old in new}
        model["merges"] = [
            list(merge) for merge in self._merges if {*merge, merge[0] + merge[1]} <= model["vocab"].keys()
        ]
        for token in data["added_tokens"]:
            token["id"] = new[token["id"]]
        specials = (data.get("post_processor") or {}).get("special_tokens") or {}
        for special in specials.values():
            special["ids"] = [new[old] for old in special["ids"]]
        (folder / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        settings_file = folder / "tokenizer_config.json"
        if settings_file.exists():
            settings = json.loads(settings_file.read_text(encoding="utf-8"))
            if "added_tokens_decoder" in settings:
                settings["added_tokens_decoder"] = {
                    str(new[int(old)]): token for old, token in settings["added_tokens_decoder"].items()
                }
            settings_file.write_text(json.dumps(settings, ensure_ascii=False, indent=2), encoding="utf-8")
        (folder / KEPT).write_text(json.dumps(list(kept)), encoding="utf-8")
