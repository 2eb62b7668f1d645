"""The language of a seed is what its row says, or what its words tell; it is English for its words alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.seeds.load import SeedFile
from factory.text.spoken import spoken
from tests.support.command import ROOT, typed
from tests.support.scripted import SEEDS, edit, load, project, write
from tests.support.seeds import load_seeds


def read(path: Path, *texts: str | dict[str, Any], kind: str = "label", **how: Any) -> SeedFile:
    rows = [row if isinstance(row, dict) else {"text": row, "label": "a"} for row in texts]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_seeds(path, kind, **how)


def languages(file: SeedFile) -> list[str]:
    return [seed.language for seed in file.seeds]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hallo, ich habe meine Bestellung noch nicht erhalten.", "de"),
        ("Was kostet das Paket?", "de"),
        ("Où est mon colis, et pourquoi est-il en retard ?", "fr"),
        ("¿Cuántas manzanas tiene Ana?", "es"),
        ("Os meus amigos não gostam de café", "pt"),
        ("Il treno parte alle otto e arriva alle dieci", "it"),
        ("Waar is het pakket van mijn zus?", "nl"),
        ("Ile kosztuje ten chleb i co to jest?", "pl"),
        ("Hur mycket kostar det?", "sv"),
        ("多少？", "zh"),
        ("请把 JSON Schema validator 的错误修复", "zh"),
        ("これはペンです", "ja"),
        ("Сколько стоит хлеб?", "ru"),
        ("Скільки коштує хліб і сіль?", "uk"),
        ("كم الثمن؟", "ar"),
        ("What is 11 + 18?", "en"),
        ('How do you say "guten Tag, wie geht es Ihnen"?', "en"),
        ("I ordered the 'Das Boot' DVD", "en"),
        # What does not tell is not taken for English.
        ("Rückgabe Bestellung 4711", None),
        ("2 + 2 = ?", None),
        ("", None),
    ],
)
def test_words_tell_the_language(text: str, language: str | None) -> None:
    assert spoken(text) == language


def test_no_text_of_the_data_that_ships_is_taken_for_another_language() -> None:
    for path in sorted((ROOT / "data").rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            text = next((row[key] for key in ("question", "text", "instruction", "query") if key in row), "")
            assert spoken(text) in (row.get("language", "en"), None), text


def test_rows_that_name_no_language_are_read(tmp_path: Path) -> None:
    file = read(
        tmp_path / "mails.jsonl",
        "Wo ist mein Paket? Ich warte seit einer Woche.",
        "Rückgabe Bestellung 4711",
        "Bitte löschen Sie mein Konto und die Daten.",
        {"text": "Rechnung", "label": "a", "language": "fr"},
        "4711",
    )
    assert languages(file) == ["de", "de", "de", "fr", "de"]
    assert [note for note in file.notes if "language" in note] == [
        "4 rows name no language; by their words: de 4; to say another, write data.language, or a column "
        "language"
    ]


def test_english_says_nothing_and_stays_what_it_was(tmp_path: Path) -> None:
    file = read(tmp_path / "mails.jsonl", "Where is my parcel?", "Refund", "The cup is broken.")
    assert languages(file) == ["en"] * 3 and file.notes == ()


def test_where_nothing_tells_it_is_said(tmp_path: Path) -> None:
    file = read(tmp_path / "mails.jsonl", "Rückgabe Bestellung 4711", "Rechnung 12 verloren gegangen", "4711")
    assert languages(file) == ["en"] * 3
    assert file.notes == (
        "2 rows name no language, and no words tell it, so they count as en; say it with "
        "data.language, or a column language",
    )


def test_the_name_of_a_file_tells_where_words_do_not(tmp_path: Path) -> None:
    file = read(tmp_path / "mails_de.jsonl", "Rückgabe Bestellung 4711", "Where is my parcel?")
    assert languages(file) == ["de", "en"]


def test_latin_letters_are_not_counted_as_chinese(tmp_path: Path) -> None:
    file = read(tmp_path / "mails.jsonl", "我的包裹在哪里？", "发票丢了。", "Where is it?", "Refund", "?!")
    assert languages(file) == ["zh", "zh", "en", "en", "zh"]


def test_two_rows_that_become_one_are_a_fault(tmp_path: Path) -> None:
    row = {"text": "Bestellung 4711", "label": "a"}
    file = read(tmp_path / "mails.jsonl", row | {"language": "de"}, row)
    assert [seed.line for seed in file.seeds] == [1]
    assert [(fault.line, fault.reason) for fault in file.faults] == [
        (2, "the same task is already in line 1")
    ]


def test_a_recipe_says_the_language_and_keeps_its_ids_where_it_says_none(tmp_path: Path) -> None:
    path = project(tmp_path, "rationale", "count: 3")
    write(tmp_path / "seeds.jsonl", [SEEDS["rationale"][0] | {"question": "Zwei Birnen, drei Birnen: 11?"}])
    plain = load(tmp_path).run.loaded.digest
    edit(path, "count: 3", "count: 3\n  language: de")
    plan = load(tmp_path)
    assert [seed.language for seed in plan.seeds] == ["de"]
    assert plan.run.loaded.digest != plain
    edit(path, "language: de", "language: Deutsch")
    done = typed("validate", path)
    assert done.returncode == 2 and "data.language: must be the code of a language" in done.stderr


CHAT = [
    {"role": "user", "content": "What is the capital of Peru?"},
    {"role": "assistant", "content": "Lima."},
    {"role": "user", "content": "And of Chile?"},
    {"role": "assistant", "content": "Santiago."},
]
CALL = {"type": "function", "function": {"name": "calculator", "arguments": '{"expression": "1 + 1"}'}}
TOOLS = [{"type": "function", "function": {"name": "calculator", "parameters": {"type": "object"}}}]
CALLING = [CHAT[0], {"role": "assistant", "content": None, "tool_calls": [CALL]}, *CHAT[2:]]
AFTER = "every exchange after the first"


@pytest.mark.parametrize(
    ("kind", "row", "said"),
    [
        ("instruction", {"messages": CHAT}, AFTER),
        ("instruction", {"conversations": [{"from": "human", "value": "Hi, who is it?"}] * 2}, AFTER),
        ("rationale", {"messages": CHAT}, AFTER),
        ("tool_call", {"messages": CALLING, "tools": TOOLS}, AFTER),
        ("function_call", {"messages": CALLING, "tools": TOOLS}, AFTER),
        (
            "instruction",
            {"messages": [CHAT[1], *CHAT[:2]]},
            "what the assistant said before the first question",
        ),
        (
            "instruction",
            {"messages": [*CHAT[:2], CHAT[3]]},
            "all but the last of several answers in a row",
        ),
        ("instruction", {"messages": CHAT[:2]}, None),
        ("labelled", {"messages": CHAT}, None),
    ],
)
def test_a_conversation_is_not_cut_without_a_word(
    tmp_path: Path, kind: str, row: dict[str, Any], said: str | None
) -> None:
    other = json.loads(json.dumps(row).replace("Peru", "Ecuador").replace("Hi,", "Hello,"))
    file = read(tmp_path / "chats.jsonl", row, other, kind=kind)
    assert len(file.seeds) == 2 and not file.faults
    told = [note for note in file.notes if "part is read" in note]
    keeps = "(kind: labelled keeps whole conversations)"
    assert told == ([f"of 2 rows only a part is read: {said} {keeps}"] if said else [])


def test_validate_tells_of_conversations_that_are_cut(tmp_path: Path) -> None:
    path = project(tmp_path, "instruction", "count: 3")
    write(tmp_path / "seeds.jsonl", [{"messages": CHAT}])
    done = typed("validate", path)
    assert done.returncode == 0 and f"  seeds: of 1 row only a part is read: {AFTER}" in done.stdout
