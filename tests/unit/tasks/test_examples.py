"""Worked examples are few, fitting, the same for a family, and never give the question away."""

from hypothesis import given
from hypothesis import strategies as st

from factory.seeds.seed import Seed
from factory.tasks.examples import Examples
from factory.tasks.sample import Task


def seed(number: int, language: str = "en", family: str = "sums") -> Seed:
    return Seed(f"s{number}", language, family, f"Question {number}?", str(number), "seeds.jsonl", number)


SEEDS = [
    seed(number, language, family)
    for number, (language, family) in enumerate([("en", "sums"), ("en", "dates"), ("zh", "sums")] * 4)
]


def task(of: Seed, question: str = "New?") -> Task:
    return Task(of.seed_id, of.language, of.family, question, "1")


seeds = st.lists(
    st.builds(seed, st.integers(0, 30), st.sampled_from(["en", "zh"]), st.sampled_from("abc")),
    unique_by=lambda s: s.name,
)


@given(seeds, st.integers(0, 6), st.data())
def test_none_twice_none_too_many_and_never_the_question(
    given_seeds: list[Seed], count: int, data: st.DataObject
) -> None:
    asked = data.draw(
        st.sampled_from([task(of, text) for of in [*given_seeds, seed(99)] for text in ("New?", of.question)])
    )
    shown = Examples(given_seeds, count).before(asked)
    assert len({one.name for one in shown}) == len(shown) <= count
    assert set(shown) <= set(given_seeds)
    assert asked.question not in [one.question for one in shown]


def test_the_family_comes_last_and_the_origin_last_of_all() -> None:
    shown = Examples(SEEDS, 4).before(task(SEEDS[3]))
    assert shown[-1] is SEEDS[3]
    assert {one.language for one in shown} == {"en"}
    assert [one.family for one in shown[-3:]] == ["sums"] * 3


def test_a_family_too_small_is_filled_from_the_others_of_its_language() -> None:
    lonely = seed(50, family="lonely")
    shown = Examples([*SEEDS, lonely], 4).before(task(lonely))
    assert [one.family for one in shown[-1:]] == ["lonely"]
    assert len(shown) == 4
    assert {one.language for one in shown} == {"en"}


def test_a_language_without_seeds_is_shown_those_there_are() -> None:
    assert len(Examples(SEEDS, 3).before(Task("b2:0", "fr", "sums", "Quoi?", "1"))) == 3
    assert Examples([], 3).before(task(SEEDS[0])) == []


def test_tasks_of_one_seed_share_their_examples() -> None:
    examples = Examples(SEEDS, 3)
    assert (
        examples.before(task(SEEDS[0], "One?"))
        == examples.before(task(SEEDS[0], "Other?"))
        == Examples(SEEDS, 3).before(task(SEEDS[0]))
    )
