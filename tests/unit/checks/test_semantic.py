"""The same meaning in other words is near; another meaning, another number or another unknown word is not."""

import importlib.metadata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.checks import semantic
from factory.checks.semantic import SemanticIndex
from factory.checks.sentence_encoder import SentenceEncoder, sentence_encoder
from factory.errors import FactoryError

texts = st.sampled_from(
    [
        "How do I cook rice?",
        "What is the best way to prepare rice?",
        "Draw a 🙂.",
        "Draw a 🙃.",
        "Add 5 to 9.",
        "Add 5 to 8.",
        "",
        "Bees make honey.",
    ]
)


def index(rows: list[str], threshold: float = 0.8) -> SemanticIndex:
    filled = SemanticIndex(threshold)
    for place, row in enumerate(rows):
        filled.add(str(place), row)
    return filled


@pytest.mark.parametrize(
    ("text", "same", "other"),
    [
        ("How do I cook rice?", "What is the best way to prepare rice?", "How do I fix a bike?"),
        ("Write a poem about the sea.", "Compose a poem about the ocean.", "Write a poem about the desert."),
        (
            "What is the capital of France?",
            "Which city is France's capital?",
            "What is the capital of Germany?",
        ),
        (
            "Give 3 tips for staying healthy.",
            "What are 3 ways to stay in good health?",
            "Give 3 tips for a job interview.",
        ),
        (
            "Erkläre, wie Photosynthese abläuft.",
            "Wie läuft Photosynthese ab? Erkläre es.",
            "Erkläre, wie ein Motor läuft.",
        ),
    ],
)
def test_a_paraphrase_is_found_and_another_task_is_not(text: str, same: str, other: str) -> None:
    filled = index([other])
    assert filled.nearest(text) is None
    filled.add("same", same)
    found = filled.nearest(text)
    assert found is not None
    assert found[0] == "same"
    assert 0.8 <= found[1] < 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Compute the sum of 1290 and 388 please.", "Compute the sum of 1291 and 388 please."),
        ("Subtract 5 from 9.", "Subtract 9 from 5."),
        ("Sort 1,5 and 2 and 3.", "Sort 1.5 and 2 and 3."),
        ("What does 🙂 mean?", "What does 🙃 mean?"),
        ("a" * 300, "b" * 300),
    ],
)
def test_other_numbers_and_other_unknown_words_are_another_meaning(first: str, second: str) -> None:
    filled = index([first], 0.5)
    assert filled.nearest(second) is None
    assert filled.nearest(first) == ("0", 1.0)


def test_chinese_is_never_confused_and_hardly_ever_paraphrased() -> None:
    """As the docstring says. The vectors alone take fruit for towns (0.83) and miss the paraphrase."""
    filled = index(["列出三种水果。", "写一首关于大海的诗。", "怎样煮米饭？"], 0.6)
    assert filled.nearest("列出三座城市。") is None
    assert filled.nearest("请创作一首描写海洋的诗歌。") is None
    assert filled.nearest("怎样修自行车？") is None
    assert filled.nearest("写一首关于大海的诗。") == ("1", 1.0)


def test_what_the_encoder_cannot_tell_apart() -> None:
    filled = index(["How do I convert miles to kilometres?", "Is it safe to eat raw eggs?"], 0.95)
    assert filled.nearest("How do I convert kilometres to miles?") is not None
    assert filled.nearest("Is it not safe to eat raw eggs?") is not None


@settings(max_examples=25)
@given(st.lists(texts, max_size=7), texts)
def test_the_nearest_is_the_first_of_the_best_in_any_number_of_blocks(rows: list[str], text: str) -> None:
    scores = []
    for row in rows:
        found = index([row]).nearest(text)
        scores.append(found[1] if found else 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic, "_BLOCK", 2)
        filled = index(rows)
        assert len(filled) == len(rows)
        found = filled.nearest(text)
    assert found == ((str(scores.index(max(scores))), max(scores)) if any(scores) else None)


def test_the_same_calls_give_the_same_answers() -> None:
    rows = [
        f"{verb} {thing}."
        for verb in ("Explain", "Describe")
        for thing in ("gravity", "jealousy", "inflation", "the tides")
    ]
    first, second = (
        [filled.nearest(row + " Be brief.") for row in rows]
        for filled in (index(rows, 0.3), index(rows, 0.3))
    )
    assert first == second
    assert all(first)


def test_a_text_that_was_asked_for_is_not_read_again_when_it_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = []
    encode = SentenceEncoder.encode
    monkeypatch.setattr(SentenceEncoder, "encode", lambda self, text: read.append(text) or encode(self, text))
    filled = SemanticIndex(0.8)
    for row in ("Bees make honey.", "Rice grows in water.", "Bees make honey."):
        filled.nearest(row)
        filled.add(row, row)
    assert read == ["Bees make honey.", "Rice grows in water.", "Bees make honey."]
    assert filled.nearest("Rice grows in water.") == ("Rice grows in water.", 1.0)


@pytest.mark.parametrize("text", ["", " ", "\ud800", "\0", "x" * 1_000_000, "词" * 30_000, "7" * 1_000_000])
def test_hostile_texts(text: str) -> None:
    filled = index(["Bees make honey."], 0.9)
    assert filled.nearest(text) is None
    filled.add("hostile", text)
    assert filled.nearest("Bees make honey.") == ("0", 1.0)


@pytest.mark.parametrize("text", ["", " ", "word " * 5000])
def test_a_text_without_a_vector_is_near_to_nothing(text: str) -> None:
    assert index([text], 0.01).nearest(text) is None


@pytest.mark.parametrize("threshold", [0.0, 1.1, -0.5, float("nan")])
def test_a_threshold_out_of_range(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        SemanticIndex(threshold)


def test_without_the_wheel_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda _: None)
    sentence_encoder.cache_clear()
    with pytest.raises(FactoryError, match="pip install"):
        SemanticIndex(0.8)
