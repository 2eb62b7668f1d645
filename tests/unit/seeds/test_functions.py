"""Rows that bring their tools: every published way of writing both, what is refused, and that no older seed
has another id."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from factory.seeds.load import SeedFile
from factory.seeds.offered import read_tools_text
from factory.seeds.seed import Seed
from tests.support.functions import FORECAST, LAMP, ROUTE, call
from tests.support.seeds import load_seeds

ASKED = {"role": "user", "content": "Light in the hall, please."}
LIT = call("switch_lamp", room="hall", on=True)


def load(folder: Path, *rows: Any) -> SeedFile:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return load_seeds(path, "function_call")


def calling(*calls: Any) -> dict[str, Any]:
    told = [
        {"type": "function", "function": one | {"arguments": json.dumps(one["arguments"])}} for one in calls
    ]
    return {"role": "assistant", "content": None, "tool_calls": told}


def openai(tool: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": tool}


def only(file: SeedFile) -> Seed:
    assert file.faults == []
    (seed,) = file.seeds
    return seed


@pytest.mark.parametrize(
    "row",
    [
        {"query": ASKED["content"], "tools": [LAMP], "answers": [LIT]},
        {"query": ASKED["content"], "tools": json.dumps([LAMP]), "answers": json.dumps([LIT])},
        {"query": ASKED["content"], "tools": [openai(LAMP)], "answers": [[LIT]]},
        {"messages": [ASKED, calling(LIT)], "tools": [openai(LAMP)]},
        {"messages": [ASKED, calling(LIT)], "tools": json.dumps([openai(LAMP)])},
        {
            "conversations": [
                {
                    "from": "system",
                    "value": f"You call <tools></tools>. <tools> {json.dumps([LAMP])} </tools>",
                },
                {"from": "human", "value": ASKED["content"]},
                {"from": "gpt", "value": f"<tool_call>\n{json.dumps(LIT)}\n</tool_call>"},
            ]
        },
        {
            "messages": [
                {"role": "system", "content": f"<tools>\n{json.dumps(openai(LAMP))}\n</tools>"},
                ASKED,
                calling(LIT),
            ]
        },
    ],
    ids=["xlam", "xlam as text", "steps", "openai", "tools as text", "hermes", "hermes, one a line"],
)
def test_one_task_however_it_is_written(tmp_path: Path, row: dict[str, Any]) -> None:
    seed = only(load(tmp_path, row))
    assert (seed.question, json.loads(seed.reference)) == (ASKED["content"], [[LIT]])
    (tool,) = read_tools_text(seed.tools)
    assert tool.name == "switch_lamp"
    # A teacher writes arguments in the order of the schema, which stays.
    assert list(tool.function.parameters["properties"]) == ["room", "on"]
    plain = only(load(tmp_path, {"query": ASKED["content"], "tools": [LAMP], "answers": [LIT]}))
    assert seed.seed_id == plain.seed_id


def test_words_for_types_are_those_of_json_schema(tmp_path: Path) -> None:
    row = {"query": "?", "tools": [FORECAST, ROUTE], "answers": [call("maps.route", to="Rome", speed=3.5)]}
    seed = only(load(tmp_path, row))
    flat, bfcl = (tool.function.parameters for tool in read_tools_text(seed.tools))
    assert (flat["required"], flat["properties"]["days"]["type"]) == (["city"], "integer")
    assert [bfcl["properties"][name]["type"] for name in ("points", "speed", "about")] == [
        "array",
        "number",
        "object",
    ]
    # A name that no server takes is changed in the call as well.
    assert json.loads(seed.reference)[0][0]["name"] == "maps_route"


def test_no_call_and_no_reference_are_two_things(tmp_path: Path) -> None:
    file = load(
        tmp_path,
        {"query": "Who wrote Faust?", "tools": [LAMP], "answers": []},
        {"query": "Who wrote Egmont?", "tools": [LAMP]},
        {"query": "Who wrote Nathan?", "tools": [LAMP], "answers": ""},
    )
    assert [seed.reference for seed in file.seeds] == ["[]", "", ""]
    words = {"messages": [ASKED, {"role": "assistant", "content": "I cannot."}], "tools": [LAMP]}
    assert only(load(tmp_path, words)).reference == "[]"


def test_the_same_question_with_other_tools_is_another_seed(tmp_path: Path) -> None:
    asked = {"query": "Who wrote Faust?", "answers": []}
    file = load(tmp_path, asked | {"tools": [LAMP]}, asked | {"tools": [ROUTE]}, asked | {"tools": [LAMP]})
    assert len(file.seeds) == 2 and "the same task is already in line 1" in str(file.faults[0])


def test_a_seed_without_tools_keeps_its_id() -> None:
    # As it was before seeds had tools.
    seed = Seed("s", "en", "sum", "What is 1 + 1?", "1 + 1", "s.jsonl", 1)
    assert (
        seed.seed_id == Seed(**{**vars(seed), "tools": ""}).seed_id == "b2:b1adeb4e6b9308c58f927545d1f325cf"
    )
    assert Seed(**{**vars(seed), "tools": "[]"}).seed_id != seed.seed_id


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"tools": []}, "tools: there are none"),
        ({"tools": "no JSON"}, "tools: "),
        ({"tools": [{"description": "nameless"}]}, "tools: tool 1"),
        ({"tools": [LAMP, LAMP]}, "tools: the name 'switch_lamp' is given to 2 tools"),
        ({"tools": [LAMP | {"parameters": {"type": "object", "properties": {"x": {"type": "quux"}}}}]},
            "tools: tool 1, function.parameters"),
        ({"tools": [FORECAST]}, "answers: calls switch_lamp, and the tools are: get_forecast"),
        ({"answers": [call("switch_lamp", room="hall")]}, "answers: calls switch_lamp with what it does not"),
        ({"answers": [call("switch_lamp", room="hall", on="yes")]}, "answers: calls switch_lamp with what"),
        ({"answers": [LIT, LIT]}, "answers: a call is repeated"),
        ({"answers": [[LIT], [LIT]]}, "answers: 2 steps of calls, and these tools are not carried out"),
        ({"answers": "the lamp"}, "answers: should be a list of calls"),
        ({"answers": [call("switch_lamp", room=f"r{n}", on=True) for n in range(9)]}, "answers: 9 calls"),
        ({"tools": [LAMP | {"description": "<|im_end|>"}]}, "tools: <|im_end|> would end the turn"),
        ({"answer": []}, "answer: "),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_row_that_makes_no_task_is_named(tmp_path: Path, row: dict[str, Any], told: str) -> None:
    good = {"query": "Light in the hall, please.", "tools": [LAMP], "answers": [LIT]}
    file = load(tmp_path, good | row, good)
    assert [seed.line for seed in file.seeds] == [2]
    assert str(file.faults[0]).startswith(f"{tmp_path / 'rows.jsonl'}:1: {told}")


def bfcl(folder: Path, rows: list[Any], answers: list[Any] | None) -> Path:
    file = folder / "BFCL_v4_simple_python.json"
    file.write_text("\n".join(map(json.dumps, rows)))
    if answers is not None:
        (folder / "possible_answer").mkdir(exist_ok=True)
        (folder / "possible_answer" / file.name).write_text("\n".join(map(json.dumps, answers)))
    return file


QUESTION = {
    "id": "simple_python_3",
    "question": [[{"role": "user", "content": "How do I get to Rome?"}]],
    "function": [ROUTE],
}


def test_possible_answers_lie_in_a_second_file(tmp_path: Path) -> None:
    truth = [{"maps.route": {"to": ["Rome", "Roma"], "speed": [50.0, ""]}}]
    file = bfcl(tmp_path, [QUESTION], [{"id": "simple_python_3", "ground_truth": truth}])
    read = load_seeds(file, "function_call")
    seed = only(read)
    assert (read.format_name, seed.name, seed.family) == ("bfcl", "simple_python_3", "simple_python")
    assert json.loads(seed.reference) == [
        {"name": "maps_route", "allowed": {"to": ["Rome", "Roma"], "speed": [50.0, ""]}}
    ]


def test_a_question_that_nobody_answered_has_no_reference(tmp_path: Path) -> None:
    other = QUESTION | {"id": "simple_python_4", "question": [[{"role": "user", "content": "And back?"}]]}
    truth = {"id": "simple_python_3", "ground_truth": [{"maps.route": {"to": ["Rome"]}}]}
    seeds = load_seeds(bfcl(tmp_path, [QUESTION, other], [truth]), "function_call").seeds
    assert [bool(seed.reference) for seed in seeds] == [True, False]


@pytest.mark.parametrize(
    ("change", "truth", "told"),
    [
        ({}, [{"maps.fly": {}}], "ground_truth: calls maps_fly, and the tools are: maps_route"),
        ({}, [{"maps.route": {"to": "Rome"}}], "ground_truth: the arguments of maps_route are no lists"),
        ({}, [{"maps.route": {}, "maps.fly": {}}], "ground_truth: a possible answer is one function"),
        ({"question": [[], []]}, [], "question: one turn of the user is read"),
        ({"question": [[{"role": "system", "content": "Answer in French."}, ASKED]]}, [], "question: one tu"),
        ({"function": []}, [], "function: there are none"),
    ],
)
def test_a_bfcl_row_that_makes_no_task_is_named(
    tmp_path: Path, change: dict[str, Any], truth: Any, told: str
) -> None:
    file = bfcl(tmp_path, [QUESTION | change], [{"id": "simple_python_3", "ground_truth": truth}])
    (fault,) = load_seeds(file, "function_call").faults
    assert told in str(fault)


def test_a_file_of_answers_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"possible_answer.BFCL_v4_simple_python\.json:1: not an answer"):
        load_seeds(bfcl(tmp_path, [QUESTION], [{"id": "simple_python_3"}]), "function_call")


def test_a_folder_of_answers_beside_other_files_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "possible_answer").mkdir()
    (tmp_path / "possible_answer" / "rows.jsonl").write_text('{"id": "a", "ground_truth": [{"f": {}}]}')
    file = load(tmp_path, {"id": "b", "query": "?", "tools": [LAMP], "answers": []})
    assert only(file).reference == "[]"
