"""New questions from old ones: the same phrasing with other numbers, and the reference changed in step.

Promise: the same seed, recipe seed and variant number give the same question. A number that is in the
question and in the reference is replaced in both by one with as many digits and decimals; numbers of a
question stay distinct; a whole result stays whole, and one that is not negative stays so. Variant 0 is the
seed itself. Numbers that are only in the reference (100 for per cent) or only in the question stay.
"""

import random
import re
from collections.abc import Callable

from factory.seeds.seed import Seed

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_TRIES = 400


def vary(
    seed: Seed,
    variant: int,
    recipe_seed: int,
    solve: Callable[[str], str | None],
    mend: Callable[[str], str | None] = lambda reference: reference,
) -> tuple[str, str] | None:
    """Return (question, reference) of one variant, or None if no numbers were found that keep the task's
    character.

    `solve` gives the result of a reference as text, or None if it has none. `mend` makes a reference whole
    again after its numbers were replaced, where one part of it follows from another, or gives None.
    """
    if variant == 0:
        return seed.question, seed.reference
    numbers = [
        number
        for number in dict.fromkeys(_NUMBER.findall(seed.question))
        if number in set(_NUMBER.findall(seed.reference))
    ]
    staying = {number for number in _NUMBER.findall(seed.question) if number not in numbers}
    original = solve(seed.reference)
    if not numbers or original is None:
        return None
    chance = random.Random(f"{recipe_seed}/{seed.seed_id}/{variant}")
    for _ in range(_TRIES):
        mapping = {number: _similar(number, chance) for number in numbers}
        if len(staying.union(mapping.values())) < len(staying) + len(mapping):
            continue
        reference = mend(_replace(seed.reference, mapping))
        result = None if reference is None else solve(reference)
        if (
            reference is None
            or result is None
            or ("." in result) > ("." in original)
            or result.startswith("-") > original.startswith("-")
        ):
            continue
        return _replace(seed.question, mapping), reference
    return None


def _similar(number: str, chance: random.Random) -> str:
    whole, _, decimals = number.partition(".")
    digits = len(whole)
    low = 2 if digits == 1 and not decimals else 10 ** (digits - 1) if digits > 1 else 0
    # The month and the day of a date keep their leading zero.
    text = (
        f"0{chance.randrange(1, 10)}"
        if digits == 2 and whole.startswith("0")
        else str(chance.randrange(low, 10**digits))
    )
    if decimals:
        text += "." + "".join(str(chance.randrange(10)) for _ in decimals[:-1]) + str(chance.randrange(1, 10))
    return text


def _replace(text: str, mapping: dict[str, str]) -> str:
    return _NUMBER.sub(lambda match: mapping.get(match.group(), match.group()), text)
