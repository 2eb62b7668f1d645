"""Small projects of texts with labels and of texts with fields, and a tokenizer of characters."""

import json
from pathlib import Path
from typing import Any

from factory.seeds.seed import Seed
from tests.support.scripted import HEAD, write

LABELS = {"billing": "about money", "card": "about a card", "other": ""}
MAILS = [
    ("en", "I was charged twice this month.", "billing"),
    ("en", "My card was swallowed by the machine.", "card"),
    ("en", "Do you sell umbrellas?", "other"),
    ("zh", "我的卡丢了。", "card"),
    ("en", "Please send me the invoice again.", "billing"),
    ("en", "The chip of my card is broken.", "card"),
]
HELD_OUT = [
    ("en", "Why is there a fee on my account?", "billing"),
    ("en", "When does my new card arrive?", "card"),
    ("en", "Is there parking near your office?", "other"),
    ("zh", "你们周末开门吗？", "other"),
]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "place": {"type": "string"},
        "hour": {"type": "integer"},
        "guests": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    },
    "required": ["place"],
}
NOTES: list[tuple[str, dict[str, Any]]] = [
    ("Meet in Ulm at 5.", {"place": "Ulm", "hour": 5}),
    ("Dinner in Bonn with Ann and Bob.", {"place": "Bonn", "guests": ["Ann", "Bob"]}),
    ("See you in Kiel.", {"place": "Kiel"}),
]
HELD_OUT_NOTES: list[tuple[str, dict[str, Any]]] = [
    ("Lunch is in Graz, at 12 sharp.", {"hour": 12, "place": "Graz"}),
    ("We all go to Linz this time.", {"place": "Linz"}),
]
STUDENT = "student: {base: base, stages: [{sft: {steps: 1}}]}\n"


def mail(text: str, label: str = "", language: str = "en", line: int = 1) -> Seed:
    """Return the seed of a text with its label."""
    return Seed(text, language, "general", text, label, "seeds.jsonl", line)


def label_project(folder: Path, *data: str, labelled: bool = True, more: str = "") -> Path:
    """Write a recipe of labels with its seeds and held-out texts, and return its path."""
    for name, texts in (("seeds", MAILS), ("held_out", HELD_OUT)):
        known = labelled or name == "held_out"
        rows = [
            {"id": f"{name[0]}{place}", "language": language, "text": text}
            | ({"label": label} if known else {})
            for place, (language, text, label) in enumerate(texts)
        ]
        write(folder / f"{name}.jsonl", rows)
    return _recipe(folder, "label", f"labels: {json.dumps(LABELS)}", *data, more=more)


def extract_project(folder: Path, *data: str, more: str = "") -> Path:
    """Write a recipe of fields with its schema, seeds and held-out texts, and return its path."""
    for name, texts in (("seeds", NOTES), ("held_out", HELD_OUT_NOTES)):
        rows = [
            {"id": f"{name[0]}{place}", "text": text, "fields": found}
            for place, (text, found) in enumerate(texts)
        ]
        write(folder / f"{name}.jsonl", rows)
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    return _recipe(folder, "extract", "schema: schema.json", *data, more=more)


def _recipe(folder: Path, kind: str, *data: str, more: str) -> Path:
    lines = [f"kind: {kind}", "seeds: seeds.jsonl", *data]
    path = folder / "recipe.yaml"
    path.write_text(
        HEAD
        + "data:\n"
        + "".join(f"  {line}\n" for line in lines)
        + "evaluate: {held_out: held_out.jsonl}\n"
        + more
    )
    return path


class Letters:
    """A vocabulary of pieces of text, and what spells them: ids are places, 0 ends the turn."""

    def __init__(self, *pieces: str):
        self.pieces = ["", *pieces]

    def spell(self, tokens: Any) -> str:
        """Return the text of token ids."""
        return "".join(self.pieces[token] for token in tokens)

    def ids(self, *pieces: str) -> list[int]:
        """Return the ids of pieces."""
        return [self.pieces.index(piece) for piece in pieces]
