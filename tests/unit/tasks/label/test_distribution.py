"""The probabilities of labels come out of the stored tokens as the model gave them, or not at all."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.tasks.label.answer import quoted
from factory.tasks.label.distribution import distribution
from tests.support.labelled import Letters

FORMS = {label: quoted(label) for label in ("bill", "billing", "card")}
WORDS = Letters('"', "bill", "ing", "card", '"bill', " ", "b", "\n", "Well", "ca", "c\ufffd", '"\n', "x")


def found(*steps: tuple[str, dict[str, float]], forms: dict[str, str] = FORMS) -> dict[str, float] | None:
    """Return what is read out of an answer: of each position the piece that was drawn, and the probabilities
    of the pieces that are stored."""
    drawn = WORDS.ids(*(piece for piece, _ in steps))
    ids = [WORDS.ids(*stored) for _, stored in steps]
    logprobs = [[math.log(share) for share in stored.values()] for _, stored in steps]
    return distribution(forms, drawn, ids, logprobs, WORDS.spell)


def test_the_first_token_that_tells_them_apart_decides() -> None:
    shares = found(('"', {'"': 1.0}), ("card", {"card": 0.6, "bill": 0.2}), ('"', {'"': 1.0}))
    # The mass of `bill` is that of two labels.
    assert shares is None
    shares = found(('"', {'"': 1.0}), ("bill", {"bill": 0.75, "card": 0.25}), ("ing", {"ing": 0.6, '"': 0.4}))
    assert shares == pytest.approx({"bill": 0.3, "billing": 0.45, "card": 0.25})


def test_what_is_no_label_is_left_out_and_the_rest_sums_to_one() -> None:
    shares = found(("card", {"card": 0.3, "Well": 0.6, "x": 0.1}), forms={"card": "card", "bill": "bill"})
    assert shares == {"card": 1.0, "bill": 0.0}
    shares = found(("card", {"Well": 0.5, "card": 0.3, "bill": 0.2}), forms={"card": "card", "bill": "bill"})
    assert shares == pytest.approx({"card": 0.6, "bill": 0.4})


def test_another_cut_of_the_same_letters_counts_for_its_label() -> None:
    both = {"card": '"card"', "bill": '"bill"'}
    shares = found(
        ('"', {'"': 0.8, '"bill': 0.1, " ": 0.1}), ("card", {"card": 0.5, "bill": 0.5}), forms=both
    )
    # The space begins both, and is taken to go on as the quote does.
    assert shares == pytest.approx({"card": 0.45, "bill": 0.55})


def test_the_end_of_the_turn_tells_a_bare_label_from_a_longer_one() -> None:
    bare = {"bill": "bill", "billing": "billing"}
    shares = found(("bill", {"bill": 0.9}), ("", {"": 0.7, "ing": 0.3}), forms=bare)
    assert shares == pytest.approx({"bill": 0.7, "billing": 0.3})
    shares = found(("bill", {"bill": 0.9}), ("ing", {"\n": 0.2, "ing": 0.8}), forms=bare)
    assert shares == pytest.approx({"bill": 0.2, "billing": 0.8})


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (('"', {'"': 1.0}),),  # it ends before a label is told
        (("Well", {"Well": 1.0}),),  # no label
        (("bill", {"card": 1.0}),),  # what was drawn is not stored
        (('"', {'"': 1.0}), ("card", {"card": 0.9, "b": 0.1})),  # of two labels
        (('"', {'"': 1.0}), ("card", {"card": 0.9, "c\ufffd": 0.1})),  # half a character
    ],
)
def test_what_cannot_be_known_is_none(steps: tuple[tuple[str, dict[str, float]], ...]) -> None:
    assert found(*steps) is None


def test_an_answer_without_a_distribution_has_none() -> None:
    assert distribution(FORMS, None, None, None, WORDS.spell) is None
    assert distribution(FORMS, [1], None, None, WORDS.spell) is None
    assert distribution(FORMS, [1], [[1]], [[0.5]], WORDS.spell) is None


@given(st.data())
def test_it_is_the_models_own_distribution_among_the_labels(data: st.DataObject) -> None:
    """A model that spells by letters: its probability of each label is a product over its letters."""
    labels = data.draw(st.sets(st.text("abc", min_size=1, max_size=4), min_size=2, max_size=6).map(sorted))
    letters = Letters("a", "b", "c", '"', "z")
    weight = data.draw(st.lists(st.floats(0.05, 1.0), min_size=len(labels), max_size=len(labels)))
    own = {label: share / sum(weight) for label, share in zip(labels, weight, strict=True)}
    written = data.draw(st.sampled_from(labels))
    forms = {label: quoted(label) for label in labels}
    steps: list[dict[str, float]] = []
    for place in range(len(forms[written])):
        before = forms[written][:place]
        going_on = {label: share for label, share in own.items() if forms[label].startswith(before)}
        step = dict.fromkeys((forms[label][place] for label in going_on), 0.0)
        for label, share in going_on.items():
            step[forms[label][place]] += share / sum(going_on.values())
        steps.append(step)
    ids = [letters.ids(*step) for step in steps]
    logprobs = [[math.log(share) for share in step.values()] for step in steps]
    found = distribution(forms, letters.ids(*forms[written]), ids, logprobs, letters.spell)
    # A letter that was not drawn may begin two labels: then what they share is not told apart.
    split = any(
        len([label for label in labels if forms[label].startswith(forms[written][:place] + letter)]) > 1
        and not forms[written].startswith(forms[written][:place] + letter)
        for place, letter in itertools.product(range(len(forms[written])), 'abc"')
    )
    assert (found == pytest.approx(own)) if found is not None else split
