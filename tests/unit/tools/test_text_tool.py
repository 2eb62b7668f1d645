"""Words, characters and letters are counted and turned as a person would."""

from typing import Any

import pytest

from factory.tools.registry import run_tool


def text(operation: str, said: str, **more: Any) -> str:
    return run_tool("text_tool", {"operation": operation, "text": said, **more})


@pytest.mark.parametrize(
    ("operation", "said", "more", "answer"),
    [
        ("count_words", "  to be  or not ", {}, "4"),
        ("count_characters", "ab cd", {}, "5"),
        ("count_characters", "春眠不觉晓", {}, "5"),
        ("count_letter", "Strawberry Road", {"letter": "R"}, "4"),
        ("count_letter", "人山人海", {"letter": "人"}, "2"),
        ("reverse", "Drawer!", {}, "!rewarD"),
        ("uppercase", "straße é", {}, "STRASSE É"),
        ("lowercase", "ÀB1", {}, "àb1"),
        ("sort_words", "pear Apple fig apple", {}, "Apple apple fig pear"),
    ],
)
def test_texts(operation: str, said: str, more: dict[str, Any], answer: str) -> None:
    assert text(operation, said, **more) == answer
