"""The encoder gives the vectors of its definition, whatever the text, and says what is missing."""

import importlib.metadata
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.checks import sentence_encoder
from factory.checks.sentence_encoder import (
    INSTALL,
    MAX_CHARACTERS,
    MAX_TOKENS,
    PACKAGE,
    SIZE,
    WINDOW,
    SentenceEncoder,
)
from factory.errors import FactoryError

ENCODER = sentence_encoder.sentence_encoder()
TEXTS = [
    "How do I cook rice?",
    "Explain how photosynthesis works, in 3 sentences; then name one plant that does without it.",
    "Erkläre, wie ein Motor funktioniert.",
    "写一首关于大海的诗。",
    "x",
    "word " * (WINDOW - 2),
]


def cosine(first: str, second: str) -> float:
    return float(ENCODER.encode(first)[0] @ ENCODER.encode(second)[0])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # What transformers 5.19 and torch 2.13 gave for the same weights.
        ("How do I cook rice?", "What is the best way to prepare rice?", 0.855),
        ("Write a poem about the sea.", "Write a poem about the desert.", 0.678),
        ("Summarize the plot of Hamlet.", "Summarize the plot of Macbeth.", 0.649),
        ("How do I convert miles to kilometres?", "How do I convert kilometres to miles?", 0.998),
    ],
)
def test_the_cosines_are_those_of_the_reference(first: str, second: str, expected: float) -> None:
    assert cosine(first, second) == pytest.approx(expected, abs=6e-4)


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=[]), max_size=60), st.text(max_size=60))
def test_any_text_has_a_vector_of_length_one_or_none(first: str, second: str) -> None:
    for text in (first, second):
        vector, unknown = ENCODER.encode(text)
        assert vector.shape == (SIZE,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1 if vector.any() else 0, abs=1e-5)
        assert all(word and word in text.encode("utf-8", "replace").decode() for word in unknown)
    assert -1.00001 <= cosine(first, second) <= 1.00001


def test_the_same_text_has_the_same_vector_in_any_company() -> None:
    alone = [SentenceEncoder().encode(text)[0].tobytes() for text in TEXTS[:2]]
    for text in TEXTS:
        ENCODER.encode(text)
    assert [ENCODER.encode(text)[0].tobytes() for text in TEXTS[:2]] == alone


@pytest.mark.parametrize("text", ["", " \n", "\0", "word " * (MAX_TOKENS + 1), "x" * (MAX_CHARACTERS + 1)])
def test_without_tokens_or_with_too_many_there_is_no_vector(text: str) -> None:
    vector, unknown = ENCODER.encode(text)
    assert not vector.any()
    assert unknown == ()


def test_what_stands_after_the_first_window_is_read() -> None:
    start = "Tell me something. " * 60
    assert cosine(start + "The sea is deep. " * 60, start + "Taxes are due in May. " * 60) < 0.9


def test_words_that_the_vocabulary_lacks_are_named_in_order() -> None:
    assert ENCODER.encode("Draw 🙂 beside " + "a" * 300 + " please")[1] == ("🙂", "a" * 300)
    assert ENCODER.encode("Draw a face.")[1] == ()


def test_a_missing_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", absent)
    with pytest.raises(FactoryError, match="not installed") as raised:
        SentenceEncoder()
    assert raised.value.hint == INSTALL
    assert f"{PACKAGE}==" in INSTALL


@pytest.mark.parametrize("module", ["tokenizers", "safetensors.numpy", "threadpoolctl"])
def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(FactoryError, match=module) as raised:
        SentenceEncoder()
    assert raised.value.hint == INSTALL


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Carried:
        name = "model.safetensors"

        def locate(self) -> Path:
            return tmp_path / self.name

    Carried().locate().write_bytes(b"other")
    monkeypatch.setattr(importlib.metadata, "files", lambda _: [Carried()])
    with pytest.raises(FactoryError, match="is not the model.safetensors of all-MiniLM-L6-v2"):
        SentenceEncoder()


def carried(name: str) -> Path:
    return next(
        Path(str(file.locate())) for file in importlib.metadata.files(PACKAGE) or [] if file.name == name
    )
