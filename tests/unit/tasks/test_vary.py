"""Variants of the shipped seeds keep the promises of `factory.tasks.vary`."""

import re

from hypothesis import given
from hypothesis import strategies as st

from factory.seeds.seed import Seed
from factory.tasks.vary import vary
from tests.support.calculator import SEEDS, kind, one_seed

NUMBER = re.compile(r"\d+(?:\.\d+)?")
SOLVE = kind().solve

seeds = st.sampled_from(SEEDS)
variants = st.integers(1, 100_000)
recipe_seeds = st.integers(0, 2**31 - 1)


def shape(number: str) -> tuple[int, int]:
    whole, _, decimals = number.partition(".")
    return len(whole), len(decimals)


@given(seeds, recipe_seeds)
def test_variant_0_is_the_seed(seed: Seed, recipe_seed: int) -> None:
    assert vary(seed, 0, recipe_seed, SOLVE) == (seed.question, seed.reference)


def test_every_shipped_seed_can_be_varied() -> None:
    assert [
        seed.name for seed in SEEDS for variant in range(1, 6) if vary(seed, variant, 7, SOLVE) is None
    ] == []


@given(seeds, variants, recipe_seeds)
def test_the_same_variant_is_the_same_question(seed: Seed, variant: int, recipe_seed: int) -> None:
    assert vary(seed, variant, recipe_seed, SOLVE) == vary(seed, variant, recipe_seed, SOLVE)


@given(seeds, variants, recipe_seeds)
def test_numbers_change_in_step(seed: Seed, variant: int, recipe_seed: int) -> None:
    varied = vary(seed, variant, recipe_seed, SOLVE)
    assert varied is not None
    question, reference = varied
    old, new = NUMBER.findall(seed.question), NUMBER.findall(question)
    mapping = dict(zip(old, new, strict=True))
    assert NUMBER.sub("#", question) == NUMBER.sub("#", seed.question)
    assert NUMBER.sub("#", reference) == NUMBER.sub("#", seed.reference)
    assert NUMBER.findall(reference) == [
        mapping.get(number, number) for number in NUMBER.findall(seed.reference)
    ]
    assert [shape(number) for number in new] == [shape(number) for number in old]
    assert len(set(new)) == len(set(old))


@given(seeds, variants, recipe_seeds)
def test_the_result_keeps_its_character(seed: Seed, variant: int, recipe_seed: int) -> None:
    varied = vary(seed, variant, recipe_seed, SOLVE)
    assert varied is not None
    before, after = SOLVE(seed.reference), SOLVE(varied[1])
    assert before is not None
    assert after is not None
    assert "." in before or "." not in after
    assert before.startswith("-") or not after.startswith("-")


def test_another_recipe_seed_gives_other_questions() -> None:
    first, second = ([vary(seed, 1, recipe_seed, SOLVE) for seed in SEEDS] for recipe_seed in (1, 2))
    assert sum(one == other for one, other in zip(first, second, strict=True)) < len(SEEDS) / 4


def test_a_number_that_stays_is_not_met_by_one_that_changes() -> None:
    seed = one_seed("Shelf 7 of 8 holds 3 books and 5 pens: how many things?", "3 + 5")
    for variant in range(1, 200):
        varied = vary(seed, variant, 0, SOLVE)
        assert varied is not None
        assert len(set(NUMBER.findall(varied[0]))) == 4
        assert varied[0].startswith("Shelf 7 of 8 ")


def test_what_cannot_be_varied() -> None:
    assert vary(one_seed("Two and two?", "2 + 2"), 1, 0, SOLVE) is None
    assert vary(one_seed("What is 2 + x?", "2 + x"), 1, 0, SOLVE) is None
    assert vary(one_seed("What is 1 / 0 + 5?", "1 / 0 + 5"), 1, 0, SOLVE) is None
