"""New questions from old ones: the same phrasing with other numbers, and the reference changed in step.

Promise: the same seed, recipe seed and variant number give the same question. A number that is in the
question and in the reference is replaced in both by one with as many digits and decimals, with the separators
of the old one; numbers of a question stay distinct; a whole result stays whole, and one that is not negative
stays so. Numbers that are only in the reference (100 for per cent) or only in the question stay. Each new
question is read again, by what stands around its numbers, and has to give the new reference. A seed whose
numbers are not all understood (`factory.tasks.numbers`) has no variants. Variant 0 is the seed itself.
"""

import random
from collections.abc import Callable

from factory.seeds.seed import Seed
from factory.tasks.numbers import PLAIN, read_numbers

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
    numbers = read_numbers(seed.question, seed.reference, seed.language)
    values = numbers.values
    if not values or numbers.unclear or (original := solve(seed.reference)) is None:
        return None
    staying = set(PLAIN.findall(seed.question)).difference(values)
    chance = random.Random(f"{recipe_seed}/{seed.seed_id}/{variant}")
    for _ in range(_TRIES):
        mapping = {value: _similar(value, chance) for value in values}
        if len(staying.union(mapping.values())) < len(staying) + len(mapping):
            continue
        question = numbers.rewrite(seed.question, mapping)
        reference = mend(_replace(seed.reference, mapping))
        result = None if reference is None else solve(reference)
        if (
            reference is None
            or result is None
            or ("." in result) > ("." in original)
            or result.startswith("-") > original.startswith("-")
            or not numbers.keeps_form(seed.question, question)
        ):
            continue
        again = numbers.read_again(seed.question, question)
        return (question, reference) if again == mapping else None
    return None


def unclear(seed: Seed) -> str:
    """Return why other numbers could make a seed's reference wrong, or nothing."""
    numbers = read_numbers(seed.question, seed.reference, seed.language)
    return numbers.unclear if numbers.values else ""


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
    return PLAIN.sub(lambda match: mapping.get(match.group(), match.group()), text)
