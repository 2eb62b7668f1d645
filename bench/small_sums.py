"""Word problems of two steps with numbers below ten, for the bundled model, which gets hardly any of
`data/seeds/reasoning.jsonl` right.

`write` puts seeds and held-out tasks into a folder; the held-out ones are worded as no seed is.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path

PLUS_PLUS = "First {a} + {b} = {ab}.\nThen {ab} + {c} = {all}."
PLUS_MINUS = "First {a} + {b} = {ab}.\nThen {ab} - {c} = {left}."

SEEDS = (
    (
        "Tom has {a} red and {b} blue marbles and gives {c} of them away. How many marbles has he left?",
        PLUS_MINUS,
    ),
    (
        "There are {a} ducks on a pond. {b} more come, then {c} fly off. How many ducks are there now?",
        PLUS_MINUS,
    ),
    (
        "A box holds {a} pens. Mia puts {b} pens in and takes {c} out. How many pens are in the box?",
        PLUS_MINUS,
    ),
    ("Ben bakes {a} rolls, then {b} more, and eats {c}. How many rolls are left?", PLUS_MINUS),
    ("On a bus are {a} people. {b} get on and {c} get off. How many people are on the bus?", PLUS_MINUS),
    ("Eva saves {a} coins, is given {b} coins and spends {c}. How many coins has she?", PLUS_MINUS),
    (
        "Sam reads {a} pages on Monday, {b} on Tuesday and {c} on Friday. How many pages does he read?",
        PLUS_PLUS,
    ),
    ("A garden has {a} roses, {b} tulips and {c} lilies. How many flowers are there?", PLUS_PLUS),
    (
        "Lea walks {a} miles, rests, walks {b} miles and then {c} miles. How many miles does she walk?",
        PLUS_PLUS,
    ),
    (
        "A dog eats {a} biscuits in the morning, {b} at noon and {c} at night. How many biscuits is that?",
        PLUS_PLUS,
    ),
    (
        "Max finds {a} shells, Ida finds {b} and Tim finds {c}. How many shells do they find together?",
        PLUS_PLUS,
    ),
    ("A train has {a} red cars, {b} green cars and {c} white cars. How many cars has it?", PLUS_PLUS),
)
HELD_OUT = (
    (
        (
            "In a bowl lie {a} apples and {b} pears. The children take {c} pieces of fruit. "
            "How many pieces remain?"
        ),
        PLUS_MINUS,
    ),
    ("Nina owned {a} books, bought {b} and lost {c}. How many does she own today?", PLUS_MINUS),
    (
        "A farmer with {a} sheep buys {b} at the market and sells {c}. What is the size of his flock?",
        PLUS_MINUS,
    ),
    ("Count the chairs: {a} in the hall, {b} are carried in, {c} are carried out.", PLUS_MINUS),
    ("A team scored {a} goals in May, {b} in June and {c} in July. What is the sum?", PLUS_PLUS),
    (
        "Paul drank {a} cups of water, Olga {b} and Rita {c}. How much did the three drink, in cups?",
        PLUS_PLUS,
    ),
    (
        "A shelf carries {a} jars of jam, {b} jars of honey and {c} jars of tea. Tell me the number of jars.",
        PLUS_PLUS,
    ),
    ("What do {a} stamps, another {b} stamps and a further {c} stamps make?", PLUS_PLUS),
)


def write(folder: Path, held_out: int = 160) -> tuple[Path, Path]:
    """Write `seeds.jsonl` and `held_out.jsonl`, the same each time; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(5)
    paths = folder / "seeds.jsonl", folder / "held_out.jsonl"
    for path, forms, count in zip(paths, (SEEDS, HELD_OUT), (5 * len(SEEDS), held_out), strict=True):
        rows = _rows(forms, count, chance)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return paths


def _rows(forms: Sequence[tuple[str, str]], count: int, chance: random.Random) -> list[dict[str, str]]:
    rows: dict[str, dict[str, str]] = {}
    while len(rows) < count:
        question, rationale = forms[len(rows) % len(forms)]
        a, b, c = chance.randint(2, 9), chance.randint(2, 9), chance.randint(2, 9)
        named = {"a": a, "b": b, "c": c, "ab": a + b, "all": a + b + c, "left": a + b - c}
        text = question.format(**named)
        if a + b - c < 1 or text in rows:
            continue
        end = named["left" if rationale == PLUS_MINUS else "all"]
        rows[text] = {
            "id": f"sum-{len(rows):03}",
            "language": "en",
            "family": "small-sums",
            "question": text,
            "rationale": rationale.format(**named),
            "reference": str(end),
            "expression": f"{a} + {b} {'-' if rationale == PLUS_MINUS else '+'} {c}",
        }
    return list(rows.values())
