"""Wordings of tasks with numbers written in every way that people write them, each with an answer that is
worked out from the text by a pattern of its own."""

import dataclasses
import re
from collections.abc import Callable
from fractions import Fraction

from factory.seeds.seed import Seed

Answer = Callable[..., Fraction | int]


@dataclasses.dataclass(frozen=True)
class Form:
    """A way to word a task. `{0}` is a number as `write` writes it, `reference` has it plain; `answer` is
    what its numbers, found again by `read`, come to. `varied`: it can be varied for most numbers."""

    question: str
    reference: str
    answer: Answer
    numbers: tuple[tuple[int, int], ...]
    write: Callable[[int], str] = str
    read: Callable[[str], Fraction] = Fraction
    language: str = "en"
    varied: bool = True
    plain: Callable[[int], str] = str

    def seed(self, numbers: list[int]) -> Seed:
        question = self.question.format(*map(self.write, numbers))
        reference = self.reference.format(*map(self.plain, numbers))
        return Seed("one", self.language, "general", question, reference, "seeds.jsonl", 1)

    def worked_out(self, question: str) -> Fraction:
        pieces = re.split(r"\{\d\}", self.question)
        pattern = r"(\d+(?:[.,'\u00a0\u202f ]\d+)*)".join(map(re.escape, pieces))
        found = re.fullmatch(pattern, question)
        assert found, question
        return Fraction(self.answer(*map(self.read, found.groups())))


def english(number: int) -> str:
    return f"{number:,}"


def german(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def narrow(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def swiss(number: int) -> str:
    return f"{number:,}".replace(",", "'")


def cents(number: int) -> str:
    return f"{number // 100}.{number % 100:02d}"


def comma(number: int) -> str:
    return cents(number).replace(".", ",")


def decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", "."))


def joined(text: str) -> Fraction:
    return Fraction(re.sub(r"\D", "", text))


HALL = "A hall has {0} seats, {1} are taken. How many are free?"
BIG, MIDDLE, SMALL, TENS = (1000, 99_999), (100, 999), (2, 9), (10, 99)
FORMS = [
    # Separators.
    Form(HALL, "{0} - {1}", lambda a, b: a - b, (BIG, MIDDLE), english, joined),
    Form(
        "Ein Saal hat {0} Plätze, {1} sind belegt.",
        "{0} - {1}",
        lambda a, b: a - b,
        (BIG, MIDDLE),
        german,
        joined,
        "de",
    ),
    Form(
        "La salle a {0} places, dont {1} prises.",
        "{0} - {1}",
        lambda a, b: a - b,
        (BIG, MIDDLE),
        spaced,
        joined,
        "fr",
    ),
    Form(
        "Une salle de {0} places, {1} prises.",
        "{0} - {1}",
        lambda a, b: a - b,
        (BIG, MIDDLE),
        narrow,
        joined,
        "fr",
    ),
    Form(
        "Der Preis ist {0} Franken, bezahlt sind {1}.",
        "{0} - {1}",
        lambda a, b: a - b,
        (BIG, MIDDLE),
        swiss,
        joined,
        "de",
    ),
    Form("Add {0} and {1}.", "{0} + {1}", lambda a, b: a + b, ((10**6, 10**7), BIG), english, joined),
    # Money.
    Form(
        "A laptop costs ${0}, a case ${1}. What do both cost?",
        "{0} + {1}",
        lambda a, b: a + b,
        (BIG, TENS),
        english,
        joined,
    ),
    Form(
        "Ein Rad kostet {0} €, das Schloss {1} €.",
        "{0} + {1}",
        lambda a, b: a + b,
        (BIG, TENS),
        german,
        joined,
        "de",
    ),
    Form(
        "A pen is ${0}, a book ${1}. Together?",
        "{0} + {1}",
        lambda a, b: a + b,
        (TENS, MIDDLE),
        cents,
        Fraction,
        plain=cents,
    ),
    Form(
        "Der Stift kostet {0} €, das Buch {1} €.",
        "{0} + {1}",
        lambda a, b: a + b,
        (TENS, MIDDLE),
        comma,
        decimal,
        "de",
        plain=cents,
    ),
    Form(
        "一台电视 {0} 元，降价 {1} 元。",
        "{0} - {1}",
        lambda a, b: a - b,
        (BIG, MIDDLE),
        english,
        joined,
        "zh",
    ),
    # Times: what is no time is replaced, a time is not.
    Form(
        "At 7:45 a shop has {0} apples; it sells {1}. How many are left?",
        "{0} - {1}",
        lambda a, b: a - b,
        (MIDDLE, TENS),
        varied=False,
    ),
    Form(
        "At 7:{0} there are {1} apples. How many are in {0} boxes?",
        "{1} * {0}",
        lambda t, a, b: a * b,
        (TENS, SMALL),
        varied=False,
    ),
    # Digits in words.
    Form(
        "A gas of {0} molecules of CO2 has how many atoms of oxygen?",
        "{0} * 2",
        lambda a: a * 2,
        ((2, 99),),
        varied=False,
    ),
    Form(
        "How much is {0} mg of vitamin B12 and {1} mg of C?",
        "{0} + {1}",
        lambda a, b: a + b,
        ((2, 30), (2, 30)),
        varied=False,
    ),
    Form(
        "Falke 3 fliegt {0} Stunden mit {1} km/h.",
        "{0} * {1}",
        lambda a, b: a * b,
        (SMALL, MIDDLE),
        language="de",
        varied=False,
    ),
    Form(
        "Falke {0} fliegt {1} km in der Stunde, und das drei Stunden lang.",
        "{1} * 3",
        lambda _, b: b * 3,
        (SMALL, MIDDLE),
        language="de",
        varied=False,
    ),
    Form(
        "Figure {0} shows a triangle with equal sides of {1} cm. What is its perimeter?",
        "{1} * 3",
        lambda _, b: b * 3,
        (SMALL, MIDDLE),
        varied=False,
    ),
    # Fractions.
    Form(
        "What is {0}/{1} of {2}?",
        "{2} * {0} / {1}",
        lambda a, b, c: c * a / b,
        (SMALL, (11, 99), MIDDLE),
        varied=False,
    ),
    Form(
        "A jug holds 3/4 of a litre. How many litres do {0} jugs hold?",
        "{0} * 0.75",
        lambda a: a * Fraction(3, 4),
        (TENS,),
    ),
    Form(
        "Of {0} pupils {1}/{2} can swim. How many cannot?",
        "{0} - {0} / {2} * {1}",
        lambda a, b, c: a - a / c * b,
        ((2, 99), (2, 4), (5, 9)),
        varied=False,
    ),
    # Ordinals.
    Form(
        "On the 3rd day she sells {0} of {1} pies. How many are left?",
        "{1} - {0}",
        lambda a, b: b - a,
        (SMALL, TENS),
        varied=False,
    ),
    Form(
        "On the 2nd floor are {0} flats for {1} people each.",
        "{0} * {1}",
        lambda a, b: a * b,
        (SMALL, TENS),
        varied=False,
    ),
    Form(
        "Am 3. Tag kauft er {0} Äpfel für je {1} Cent.",
        "{0} * {1}",
        lambda a, b: a * b,
        (SMALL, TENS),
        language="de",
        varied=False,
    ),
    Form(
        "第3天卖了 {0} 箱，每箱 {1} 个。",
        "{0} * {1}",
        lambda a, b: a * b,
        (SMALL, TENS),
        language="zh",
        varied=False,
    ),
    # Per cent.
    Form(
        "{0}% of {1} people came. How many is that?",
        "{1} * {0} / 100",
        lambda a, b: a * b / 100,
        (TENS, MIDDLE),
    ),
    Form(
        "A price of {0} falls by {1} %.",
        "{0} * (100 - {1}) / 100",
        lambda a, b: a - a * b / 100,
        (MIDDLE, TENS),
        varied=False,
    ),
    # Words.
    Form(
        "{0} boxes hold a dozen eggs each, and {1} lie loose.",
        "{0} * 12 + {1}",
        lambda a, b: a * 12 + b,
        ((2, 14), (2, 14)),
        varied=False,
    ),
    Form(
        "Each of three friends has {0} marbles, Tom has {1}.",
        "3 * {0} + {1}",
        lambda a, b: 3 * a + b,
        (SMALL, SMALL),
        varied=False,
    ),
    Form(
        "Twenty-five crates weigh {0} kg each, the truck {1} kg.",
        "25 * {0} + {1}",
        lambda a, b: 25 * a + b,
        (TENS, MIDDLE),
        varied=False,
    ),
    Form(
        "三百二十个苹果，卖掉 {0} 个，又进货 {1} 个。",
        "320 - {0} + {1}",
        lambda a, b: 320 - a + b,
        (MIDDLE, TENS),
        language="zh",
        varied=False,
    ),
    Form(
        "两个班各有 {0} 人，另有 {1} 位老师。",
        "2 * {0} + {1}",
        lambda a, b: 2 * a + b,
        (TENS, SMALL),
        language="zh",
        varied=False,
    ),
    Form(
        "Zweiundvierzig Kisten wiegen je {0} kg, der Wagen {1} kg.",
        "42 * {0} + {1}",
        lambda a, b: 42 * a + b,
        (TENS, MIDDLE),
        language="de",
        varied=False,
    ),
]
