"""The near-duplicate index finds what comparing every pair would find, in less than every pair's work."""

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.instructions import instructions
from bench.scale import agreement
from factory.text import near
from factory.text.near import RECALL, RECENT, SHARED, NearIndex, found_with_probability, lsh_shape
from factory.text.rouge import rouge_l, tokens

THRESHOLD = 0.7
texts = st.lists(st.sampled_from(["write", "a", "poem", "about", "bees", "蜂", "蜜", "7"]), max_size=8).map(
    " ".join
)


def index(rows: list[str], threshold: float = THRESHOLD) -> NearIndex:
    filled = NearIndex(threshold)
    for place, row in enumerate(rows):
        filled.add(str(place), row)
    return filled


@given(st.lists(texts, max_size=8), texts, st.sampled_from([0.3, 0.5, 0.7, 0.9, 1.0]))
def test_the_nearest_is_that_of_brute_force(rows: list[str], text: str, threshold: float) -> None:
    scores = [rouge_l(row, text) for row in rows]
    found = index(rows, threshold).nearest(text)
    if not rows or max(scores) < threshold:
        assert found is None
    else:
        assert found is not None
        assert found[1] == pytest.approx(max(scores))
        assert rouge_l(rows[int(found[0])], text) == pytest.approx(found[1])


@given(
    st.lists(texts, max_size=8).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))), texts
)
def test_the_order_in_which_texts_were_stored_does_not_change_the_score(
    orders: tuple[list[str], list[str]], text: str
) -> None:
    first, second = (index(rows).nearest(text) for rows in orders)
    assert (first and first[1]) == (second and second[1])


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99, 1.0])
def test_the_shape_keeps_its_promise_at_the_bound(threshold: float) -> None:
    bands, rows = lsh_shape(threshold)
    assert bands <= near.MAX_BANDS < 256
    assert found_with_probability(threshold / (2 - threshold), bands, rows) >= RECALL
    # One band less would break it: no work for nothing.
    assert bands == SHARED or found_with_probability(threshold / (2 - threshold), bands - 1, rows) < RECALL


def test_pairs_at_the_threshold_are_found_among_old_texts() -> None:
    """Each pair shares 7 of 10 words in order and no other: the least alike that still are near
    duplicates."""
    chance = random.Random(7)
    pairs = []
    for _ in range(1200):
        words = [f"w{chance.getrandbits(48):x}" for _ in range(13)]
        pairs.append((" ".join(words[:10]), " ".join([*words[:7], *words[10:]])))
    filled = index([first for first, _ in pairs] + [f"filler {place}" for place in range(RECENT)])
    found = [filled.nearest(second) for _, second in pairs]
    right = sum(hit == (str(place), pytest.approx(0.7)) for place, hit in enumerate(found))
    assert right >= (RECALL - 0.01) * len(pairs)


def test_natural_instructions_get_the_decisions_of_brute_force() -> None:
    assert agreement(700)["pairs_above"] > 100
    assert agreement(700)["share"] >= 0.99


@given(st.lists(texts, max_size=8, unique_by=lambda text: tuple(tokens(text))), texts)
def test_all_near_is_what_is_near_and_nearest_the_best_of_it(rows: list[str], text: str) -> None:
    filled = index(rows)
    found = filled.all_near(text)
    assert found == {
        str(place): pytest.approx(score)
        for place, row in enumerate(rows)
        if (score := rouge_l(row, text)) >= THRESHOLD
    }
    best = filled.nearest(text)
    assert (best and best[1]) == max(found.values(), default=None)


def test_a_flood_of_copies_is_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    filled = index(list(instructions(600)))
    size, searches = len(filled), []
    monkeypatch.setattr(near, "extractOne", lambda *_, **__: searches.append(1))
    filled.add("first", "A text that comes ten thousand times.")
    for copy in range(10_000):
        text = "a TEXT that comes, ten thousand times" + "!" * (copy % 3)
        assert filled.nearest(text) == ("first", 1.0)
        filled.add(str(copy), text)
    assert len(filled) == size + 1
    assert searches == []


@pytest.mark.parametrize(
    "text", ["", " ", "\0", "\ud800", "?!", "🐝", "[" * 2000, "x" * 10_000_000, "é " * 30_000, "词" * 30_000]
)
def test_hostile_texts_are_stored_and_found(text: str) -> None:
    filled = index([*instructions(300), text])
    found = filled.nearest(text)
    assert found is not None
    assert found[1] == 1


def test_more_different_words_than_there_are_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "_CHARACTERS", 50)
    rows = [f"alpha{place} beta{place} gamma{place} delta{place}" for place in range(100)]
    filled = index(rows)
    assert len(filled._words) == 50
    assert filled.nearest("alpha99 beta99 gamma99 other") == ("99", 0.75)


def test_the_same_calls_give_the_same_answers_in_another_process() -> None:
    script = (
        "from factory.text.near import NearIndex; from bench.instructions import instructions\n"
        "index = NearIndex(0.7); found = []\n"
        "for place, row in enumerate(instructions(900)):\n"
        "    found.append(index.nearest(row)); index.add(str(place), row)\n"
        "print(found)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert outputs.pop().count("None") < 900


@pytest.mark.parametrize("threshold", [0.0, 0.29, 1.01, -1.0, float("nan")])
def test_a_threshold_out_of_range(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        NearIndex(threshold)
