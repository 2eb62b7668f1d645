"""Variants of seeds whose numbers are written in every way that people write them: the reference of each is
worked out again from its text, by patterns of this file, or the seed is left alone."""

import random
import re
from fractions import Fraction

import pytest

from factory.seeds.seed import Seed
from factory.tasks.vary import unclear, vary
from factory.tools.calculator import evaluate
from factory.tools.errors import ToolError
from tests.support.number_forms import FORMS, Form


def solve(reference: str) -> str | None:
    try:
        return evaluate(reference)
    except ToolError:
        return None


def drawn(form: Form, chance: random.Random) -> Seed:
    return form.seed([chance.randint(low, high) for low, high in form.numbers])


def test_two_thousand_variants_are_right_or_the_seed_is_left_alone() -> None:
    chance, made, wrong = random.Random(18), 0, []
    while made < 2000:
        for form in FORMS:
            seed = drawn(form, chance)
            for variant in (1, 2):
                made += 1
                question, reference = vary(seed, variant, 0, solve) or (seed.question, seed.reference)
                found = evaluate(reference)
                expected = form.worked_out(question)
                if abs(Fraction(found) - expected) > Fraction(1, 10**6):
                    wrong.append((seed.question, seed.reference, question, reference, str(expected)))
    assert wrong == []


@pytest.mark.parametrize("form", [form for form in FORMS if form.varied], ids=lambda form: form.question)
def test_what_is_understood_is_varied(form: Form) -> None:
    chance = random.Random(7)
    seeds = [drawn(form, chance) for _ in range(40)]
    varied = [found for seed in seeds if (found := vary(seed, 1, 0, solve))]
    assert len(varied) >= 30
    assert all(form.worked_out(question) == Fraction(evaluate(reference)) for question, reference in varied)


@pytest.mark.parametrize(
    ("question", "reference", "why"),
    [
        (
            "A hall has 1,200 seats, 200 are taken. How many are free?",
            "1.2 * 1000 - 200",
            "200 stands in it as",
        ),
        ("CO2 rises by 2 % of 300.", "300 * 2 / 100", "2 stands in it as a number and as part of"),
        ("At 7:30 she has 30 apples and sells 4.", "30 - 4", "30 stands in it as a number and as part of"),
        (
            "Take 2 molecules of CO2. How many atoms of O?",
            "2 * 2",
            "2 stands in it as a number and as part of",
        ),
        (
            "The price of 100 falls by 20 %.",
            "100 * (100 - 20) / 100",
            "100 in its reference may be a constant",
        ),
        ("Two shelves hold 2 books and 7 pens.", "2 + 7", "2 stands in it as digits and in words"),
        ("三箱各有 3 个", "3 * 3", "3 stands in it as digits and in words"),
        (
            "Falke 3 flies 90 km in an hour, and that three hours.",
            "90 * 3",
            "3 stands in it as digits and in",
        ),
        ("Take Bus 3 for 5 hours at 40 km/h, then walk on 2 more.", "40 * 3", "3 is part of a name"),
        ("Falke 8 flies 120 km an hour. How far in 8 hours?", "120 * 8", "8 may be part of a name"),
        ("How far does the Falke 8 fly round an octagon of 120 km a side?", "120 * 8", "8 is part of a name"),
        ("The bus 42 carries 42 people, and 9 get on.", "42 + 9", "42 is part of a name"),
        ("In room 33 are 33 chairs, 18 more are brought.", "33 + 18", "33 is part of a name"),
        ("Der Falke 8 fliegt 8 Stunden lang 90 km/h.", "90 * 8", "8 is part of a name"),
        ("Die Linie 13 fährt 13 Stunden mit 60 km/h.", "60 * 13", "13 is part of a name"),
        (
            "From 7 to 9 she reads 7 pages an hour.",
            "7 * 2",
            "7 stands in it more often than in its reference",
        ),
        ("Of 20 dollars 20 % are spent.", "20 * 0.2", "20 stands in it more often than in its reference"),
        ("2024年1月31日加1个月", "2024 + 1", "1 stands in it more often than in its reference"),
    ],
)
def test_what_is_not_understood_is_left_alone_and_said(question: str, reference: str, why: str) -> None:
    seed = Seed("one", "en", "general", question, reference, "seeds.jsonl", 1)
    assert unclear(seed).startswith(why)
    assert vary(seed, 1, 0, solve) is None


@pytest.mark.parametrize(
    ("question", "reference", "pattern"),
    [
        (
            "A hall has 1,200 seats, 200 are taken.",
            "1200 - 200",
            r"A hall has \d,\d{3} seats, \d{3} are taken\.",
        ),
        ("Add 1.234.567,5 and 12,25.", "1234567.5 + 12.25", r"Add \d\.\d{3}\.\d{3},\d and \d\d,\d\d\."),
        ("Add 12,34,567 and 5.", "1234567 + 5", r"Add \d\d,\d\d,\d{3} and \d\."),
        ("Add 3,5,8", "3+5+8", r"Add \d,\d,\d"),
        ("Halls of 1 200 and 5 300 seats", "1200 + 5300", r"Halls of \d \d{3} and \d \d{3} seats"),
        ("Use 5 100-watt lamps.", "5 * 100", r"Use \d \d{3}-watt lamps\."),
        (
            "From 7:30 to 9:15 she reads 12 pages an hour.",
            "12 * 1.75",
            r"From 7:30 to 9:15 she reads \d\d pages.*",
        ),
        ("A wall is 3m by 4m.", "3 * 4", r"A wall is \dm by \dm\."),
        (
            "In May 2024 he buys 40 of 90 lots on the 3rd.",
            "90 - 40",
            r"In May 2024 he buys \d\d of \d\d lots on .*",
        ),
        (
            "Python 3.11 runs 40 tests in 8 seconds.",
            "40 / 8",
            r"Python 3\.11 runs \d\d tests in \d seconds\.",
        ),
        ("Call 555-1234 and order 12 of 45.", "45 - 12", r"Call 555-1234 and order \d\d of \d\d\."),
    ],
)
def test_a_number_is_written_as_the_old_one(question: str, reference: str, pattern: str) -> None:
    seed = Seed("one", "en", "general", question, reference, "seeds.jsonl", 1)
    questions = {found[0] for variant in range(1, 40) if (found := vary(seed, variant, 0, solve))}
    assert len(questions) > 10
    assert [question for question in questions if not re.fullmatch(pattern, question)] == []


@pytest.mark.parametrize(
    ("question", "reference"),
    [("Trains after 16:05?", '[[{"name":"x","arguments":{"after":"16:05"}}]]'),
     ("What day is 2024-02-28?", '[[{"name":"x","arguments":{"date":"2024-02-28"}}]]')],
)  # fmt: skip
def test_a_time_stays_a_time_and_a_date_a_date(question: str, reference: str) -> None:
    seed = Seed("one", "en", "general", question, reference, "seeds.jsonl", 1)
    for variant in range(1, 60):
        varied = vary(seed, variant, 0, lambda reference: "yes")
        if varied is None:
            continue
        if time := re.search(r"(\d\d):(\d\d)", varied[0]):
            assert int(time[1]) < 24 and int(time[2]) < 60
        if day := re.search(r"\d{4}-(\d\d)-(\d\d)", varied[0]):
            assert 1 <= int(day[1]) <= 12 and 1 <= int(day[2]) <= 31
        assert re.findall(r"[\d:-]{5,}", varied[0]) == re.findall(r"[\d:-]{5,}", varied[1])
