"""The conversations of the library's assistant keep the rules that `data/README.md` states."""

import re
from collections import Counter

import pytest

from factory.chat_formats.control_token import control_token
from tests.support.data_rows import Row, for_each, language_of, read
from tests.support.written import leaks, near_pairs, repeated

SENTENCE = re.compile(r"(?<!\bMs)[.!?。！？]+(?=\s|$|[\u4e00-\u9fff])")
SEEDS, HELD_OUT = read("assistant/chats.jsonl"), read("assistant/held_out.jsonl")
ALL = SEEDS + HELD_OUT
each_chat = for_each(ALL)


def said_by(row: Row, role: str) -> list[str]:
    return [turn["content"] for turn in row["messages"] if turn["role"] == role]


def asked(row: Row) -> str:
    return " ".join(said_by(row, "user"))


def answered(row: Row) -> str:
    return " ".join(said_by(row, "assistant"))


def dialogue(row: Row) -> str:
    return " ".join(turn["content"] for turn in row["messages"][1:])


def sentences(text: str) -> int:
    return len(SENTENCE.findall(text))


@pytest.mark.parametrize(
    ("rows", "en", "zh"), [(SEEDS, 36, 24), (HELD_OUT, 24, 16)], ids=["seeds", "held-out"]
)
def test_the_mix_of_languages_and_of_lengths(rows: list[Row], en: int, zh: int) -> None:
    assert Counter(row["language"] for row in rows) == {"en": en, "zh": zh}
    lengths = Counter(len(said_by(row, "user")) for row in rows)
    assert set(lengths) == {1, 2, 3}
    assert lengths[1] <= 0.65 * len(rows) and lengths[3] >= 0.05 * len(rows)


def test_two_system_prompts_are_in_the_held_out_conversations_alone() -> None:
    seeds, held_out = ({row["messages"][0]["content"] for row in rows} for rows in (SEEDS, HELD_OUT))
    assert len(seeds) == 5 and seeds < held_out
    assert len(held_out) == 7


def test_users_write_in_another_language_than_the_system_prompt_too() -> None:
    mixed = Counter(
        (language_of(row["messages"][0]["content"]), row["language"])
        for row in ALL
        if language_of(row["messages"][0]["content"]) != row["language"]
    )
    assert min(mixed[pair] for pair in (("en", "zh"), ("zh", "en"))) >= 4


def test_ids_are_unique() -> None:
    assert repeated(ALL) == []


@each_chat
def test_a_conversation_is_a_system_prompt_and_exchanges(row: Row) -> None:
    assert set(row) == {"id", "language", "messages"}
    assert re.fullmatch(rf"{'chat' if row in SEEDS else 'held-chat'}-{row['language']}-\d{{3}}", row["id"])
    roles = [turn["role"] for turn in row["messages"]]
    assert roles == ["system", *["user", "assistant"] * ((len(roles) - 1) // 2)]
    for turn in row["messages"]:
        assert set(turn) == {"role", "content"}
        assert turn["content"] and turn["content"] == turn["content"].strip()
        assert not control_token(turn["content"])


@each_chat
def test_the_system_prompt_is_short(row: Row) -> None:
    assert 2 <= sentences(row["messages"][0]["content"]) <= 4


@each_chat
def test_answers_are_short_and_in_the_language_of_the_user(row: Row) -> None:
    assert language_of(asked(row)) == row["language"]
    for answer in said_by(row, "assistant"):
        assert language_of(answer) == row["language"]
        assert 1 <= sentences(answer) <= 3
        assert len(answer) <= 200


def test_no_two_conversations_are_near() -> None:
    assert near_pairs(ALL, dialogue) == []


def test_no_held_out_conversation_has_leaked_into_the_seeds() -> None:
    assert leaks(SEEDS, HELD_OUT, asked, answered) == []
