"""Mistral's calls: a list after its mark; and results that name their call by its place."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.chat_formats.mistral import FORMAT
from tests.support.tiny_formats import MISTRAL, base_folder

CALL = {"name": "look_up", "arguments": {"word": "风"}}
WRITTEN = FORMAT.shown_call(CALL)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f"[TOOL_CALLS][{WRITTEN}]", 1),
        (f" [TOOL_CALLS] [{WRITTEN}, {WRITTEN}] ", 2),
        (f"[TOOL_CALLS]{WRITTEN}", 1),
        (f'[TOOL_CALLS][{WRITTEN[:-1]}, "id": "a1b2c3d4e"}}]', 1),
    ],
)
def test_calls_are_read_however_a_mistral_writes_them(text: str, count: int) -> None:
    assert FORMAT.read_calls(text, json.loads) == [CALL] * count


@pytest.mark.parametrize(
    "text",
    [
        "",
        WRITTEN,
        f"[{WRITTEN}]",
        f"Sure! [TOOL_CALLS][{WRITTEN}]",
        f"[TOOL_CALLS][{WRITTEN}][TOOL_CALLS][{WRITTEN}]",
        "[TOOL_CALLS][]",
        "[TOOL_CALLS]7",
        '[TOOL_CALLS]"[]"',
    ],
)
def test_what_is_more_or_less_than_calls_is_none(text: str) -> None:
    assert FORMAT.read_calls(text, json.loads) is None


def _asked(*ids: str) -> list[dict[str, Any]]:
    calls = [{"id": one, "type": "function", "function": CALL} for one in ids]
    return [{"role": "user", "content": "?"}, {"role": "assistant", "content": None, "tool_calls": calls}]


def _result(called: str | None) -> dict[str, Any]:
    return {"role": "tool", "content": f"of {called}"} | ({"tool_call_id": called} if called else {})


@pytest.mark.parametrize(
    ("messages", "places"),
    [
        ([*_asked("a", "b"), _result("b"), _result("a")], [1, 0]),
        ([*_asked("call_1"), _result("call_1"), *_asked("call_1"), _result("call_1")], [0, 1]),
        ([*_asked("a", "b"), _result(None), _result(None)], [0, 1]),
        ([*_asked("a", "b"), _result("unknown"), _result("b")], [0, 1]),
    ],
    ids=["the other way round", "the same id again", "without ids", "an unknown id"],
)
def test_a_result_names_its_call_by_nine_letters_and_digits(
    messages: list[dict[str, Any]], places: list[int]
) -> None:
    parts = FORMAT.render(messages).split("[TOOL_RESULTS]")[1:]
    results = [json.loads(part.partition("[/TOOL_RESULTS]")[0]) for part in parts]
    assert [one["call_id"] for one in results] == [f"call{place:05}" for place in places]
    assert all(len(one["call_id"]) == 9 and one["call_id"].isalnum() for one in results)


def test_a_system_prompt_opens_the_first_question_alone() -> None:
    asked, said = {"role": "user", "content": "A?"}, {"role": "assistant", "content": "B."}
    whole = FORMAT.render([{"role": "system", "content": "Be brief."}, asked, said, asked])
    assert whole == "<s>[INST]Be brief.\n\nA?[/INST]B.</s>[INST]A?[/INST]"


def test_later_tokenizers_are_refused_because_their_calls_are_read_otherwise(tmp_path: Path) -> None:
    assert FORMAT.misfit(base_folder(tmp_path / "early", MISTRAL, None)) is None
    later = base_folder(tmp_path / "later", [*MISTRAL, "[ARGS]"], None)
    assert "knows [ARGS]" in str(FORMAT.misfit(later))
    plain = base_folder(tmp_path / "plain", ["<s>", "</s>"], None)
    assert "does not know [INST]" in str(FORMAT.misfit(plain))
