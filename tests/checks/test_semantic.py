"""The same meaning in other words is near, another meaning is not."""

import importlib.metadata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.checks import semantic
from factory.checks.semantic import Embedding, SemanticIndex
from factory.errors import FactoryError

EMBEDDING = Embedding()


def cosine(first: str, second: str) -> float:
    return float(EMBEDDING.embed(first) @ EMBEDDING.embed(second))


@pytest.mark.parametrize(
    ("text", "same", "other"),
    [
        ("How do I cook rice?", "What is the best way to prepare rice?", "How do I fix a bike?"),
        ("Write a poem about the sea.", "Compose a poem about the ocean.", "Explain how photosynthesis works."),
        ("写一首关于大海的诗。", "请创作一首描写海洋的诗歌。", "解释光合作用的原理。"),
    ],
)
def test_the_same_in_other_words_is_nearer_than_something_else(text: str, same: str, other: str) -> None:
    index = SemanticIndex(0.7, EMBEDDING)
    index.add("other", other)
    assert index.nearest(text) is None
    index.add("same", same)
    found = index.nearest(text)
    assert found is not None
    assert found[0] == "same"
    assert found[1] == pytest.approx(cosine(text, same), abs=1e-5)


@given(st.text(st.characters(exclude_categories=[]), max_size=60), st.text(max_size=60))
def test_any_text_has_a_vector_and_the_cosine_is_symmetric(first: str, second: str) -> None:
    assert -1.001 <= cosine(first, second) <= 1.001
    assert cosine(first, second) == pytest.approx(cosine(second, first), abs=1e-5)
    assert cosine(second, second) == pytest.approx(1 if second.strip() else 0, abs=1e-4)


def test_the_nearest_is_found_across_blocks_and_the_first_of_equals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "_BLOCK", 4)
    index = SemanticIndex(0.5, EMBEDDING)
    rows = [f"Explain {word}." for word in ("gravity", "jealousy", "inflation", "sleep", "magnets", "gravity", "volcanoes", "taxes")]
    for place, row in enumerate(rows):
        index.add(str(place), row)
    assert len(index) == len(rows)
    for place, row in enumerate(rows):
        found = index.nearest(row)
        assert found is not None
        assert found == (str(rows.index(row)), pytest.approx(1, abs=1e-5)), place


@pytest.mark.parametrize("text", ["", " ", "\ud800", "\0", "x" * 1_000_000, "词" * 30_000])
def test_hostile_texts(text: str) -> None:
    index = SemanticIndex(0.9, EMBEDDING)
    index.add("bees", "Bees make honey.")
    index.nearest(text)
    index.add("hostile", text)
    assert index.nearest("Bees make honey.") == ("bees", pytest.approx(1, abs=1e-5))


def test_a_text_without_meaning_is_near_to_nothing() -> None:
    index = SemanticIndex(0.1, EMBEDDING)
    index.add("empty", "")
    assert index.nearest("") is None


@pytest.mark.parametrize("threshold", [0.0, 1.1, -0.5])
def test_a_threshold_out_of_range(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        SemanticIndex(threshold, EMBEDDING)


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda _: None)
    with pytest.raises(FactoryError, match="pip install"):
        Embedding()
