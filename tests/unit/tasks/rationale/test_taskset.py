"""The kind rationale asks for steps after worked examples, reads them apart, and knows what is right."""

import itertools
import re
from fractions import Fraction

import pytest

from factory.chat_formats.unreadable import MAX_CHARACTERS
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.tasks.rationale.taskset import RationaleTaskset
from factory.tasks.sample import Task
from tests.support.calculator import DATA
from tests.support.episode import answer, talk
from tests.support.pool import NOTHING
from tests.support.seeds import require_seeds

SEEDS = require_seeds(DATA / "seeds" / "reasoning.jsonl", "rationale")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
TASK = Task("b2:0", "en", "arithmetic", "How many legs have 3 cats and 2 birds?", "16")


def shown(question: str, reference: str, rationale: str, language: str = "en") -> Seed:
    return Seed(question, language, "arithmetic", question, reference, "seeds.jsonl", 1, rationale=rationale)


CATS = shown("How many legs have 2 cats?", "8", "A cat has 4 legs.\n2 * 4 = 8.")
BIRDS = shown("How many legs have 5 birds?", "10", "A bird has 2 legs, so 5 * 2 = 10.")
FISH = shown("三条鱼有几条腿？", "0", "鱼没有腿。", "zh")
BARE = Seed("bare", "en", "arithmetic", "How many legs has a snake?", "0", "seeds.jsonl", 2)
KIND = RationaleTaskset([CATS, FISH, BARE, BIRDS], examples=5, seed=7)


def tasks(seeds: list[Seed], count: int, seed: int = 7) -> list[Task]:
    found = itertools.islice(RationaleTaskset(seeds, examples=2, seed=seed).tasks(NOTHING), count)
    return [task for task in found if task is not None]


def test_the_prompt_word_by_word() -> None:
    made = talk(KIND.episode(TASK, 0), ["3 * 4 + 2 * 2 = 16.\nAnswer: 16"])
    (ask,) = made.asks
    assert (ask.schema, ask.needs_logprobs) == (None, False)
    system = (
        "Reason step by step, briefly. Then write on a line of its own: "
        "Answer: followed by the final answer alone.\n"
    )
    # Seeds of the other language and those without reasoning show nothing.
    assert ask.messages == [
        {"role": "system", "content": system},
        {"role": "user", "content": "How many legs have 5 birds?"},
        {"role": "assistant", "content": "A bird has 2 legs, so 5 * 2 = 10.\nAnswer: 10"},
        {"role": "user", "content": "How many legs have 2 cats?"},
        {"role": "assistant", "content": "A cat has 4 legs.\n2 * 4 = 8.\nAnswer: 8"},
        {"role": "user", "content": TASK.question},
    ]


def test_a_good_answer_is_taken_apart() -> None:
    sample = talk(KIND.episode(TASK, 0), ["Cats: 12.\nBirds: 4.\n**Answer:** 16 legs"]).sample
    assert (sample.fault, sample.rationale, sample.answer) == (None, "Cats: 12.\nBirds: 4.", "16 legs")
    assert (sample.outcome, sample.expected) == ("16", "16")
    assert sample.messages == [
        {"role": "user", "content": TASK.question},
        {"role": "assistant", "content": "Cats: 12.\nBirds: 4.\nAnswer: 16 legs"},
    ]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (answer(""), "empty"),
        (answer(" \n\u3000"), "empty"),
        (answer("It is 16."), "no_final_answer"),
        (answer("Answer: 16"), "no_final_answer"),
        (answer("Cats have 4 legs, so 3 * 4 = 1", "length"), "no_final_answer"),
        (answer("x" * MAX_CHARACTERS + "\nAnswer: 16"), "too_large"),
        (answer("steps " * 2_000_000 + "\nAnswer: 16"), "too_large"),
        (answer("", error="refused_400"), "refused_400"),
    ],
)
def test_a_bad_answer_is_a_sample_with_a_fault(said: Answer, fault: str) -> None:
    sample = talk(KIND.episode(TASK, 0), [said]).sample
    assert (sample.fault, sample.messages, sample.outcome, sample.rationale) == (fault, None, None, None)
    assert (sample.text, sample.finish_reason, sample.request_key) == (
        said.text,
        said.finish_reason,
        said.key,
    )


def test_hostile_text_stays_text() -> None:
    text = "{{ 7 * 7 }}{% for x in y %}\nAnswer: {{ answer }}"
    sample = talk(KIND.episode(TASK, 0), [text]).sample
    assert sample.answer == "{{ answer }}"
    assert sample.messages is not None
    assert sample.messages[1]["content"] == text


def test_where_there_is_no_reference_nothing_is_expected() -> None:
    assert (
        talk(KIND.episode(Task("b2:0", "en", "general", "Why?", ""), 0), ["So.\nAnswer: yes"]).sample.expected
        is None
    )


def test_the_shipped_questions_have_the_answer_that_their_numbers_give() -> None:
    by_id = {seed.seed_id: seed for seed in SEEDS}
    found = tasks(SEEDS, 400)
    assert len({task.task_id for task in found}) == len(found) == 400
    varied = 0
    for task in found:
        seed = by_id[task.seed_id]
        if task.question == seed.question:
            assert task.reference == seed.reference
            continue
        varied += 1
        exchanged = dict(zip(NUMBER.findall(seed.question), NUMBER.findall(task.question), strict=True))
        expression = NUMBER.sub(
            lambda match, exchanged=exchanged: f"Fraction('{exchanged.get(match[0], match[0])}')",
            seed.expression,
        )
        # The shipped expressions are arithmetic, and nothing else.
        assert abs(Fraction(task.reference) - eval(expression, {"Fraction": Fraction})) < Fraction(1, 10**6)
    assert varied > 200


def test_a_seed_without_an_expression_is_asked_once_as_it_is() -> None:
    assert [(task.question, task.reference) for task in tasks([CATS, BARE], 9)] == [
        (one.question, one.reference) for one in (CATS, BARE)
    ]


def test_the_same_recipe_asks_the_same_and_another_seed_something_else() -> None:
    assert tasks(SEEDS, 300) == tasks(SEEDS, 300) != tasks(SEEDS, 300, seed=8)


def test_samples_that_say_the_same_have_one_content_id() -> None:
    texts = ["3 * 4 = 12.\nAnswer: 12", "3 * 4  =\n12.\nAnswer: 12 legs", "4 * 3 = 12.\nAnswer: 12"]
    first, spaced, other = (talk(KIND.episode(TASK, 0), [text]).sample for text in texts)
    assert first.dedup_key == spaced.dedup_key != other.dedup_key
