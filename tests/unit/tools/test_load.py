"""Tools files as they lie on disks: each known shape gives the same tools, and changes are told once."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from factory.tools.load import ToolFile, allowed_name, read_tool_file
from factory.tools.spec import ToolSpec

DATA = Path(__file__).parents[3] / "data" / "tools"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT = {
    "type": "function",
    "function": {"name": "weather", "description": "Says the weather.", "parameters": SCHEMA},
}
FLAT = {"name": "weather", "description": "Says the weather."}
MCP = FLAT | {"inputSchema": SCHEMA}
BFCL = FLAT | {"parameters": SCHEMA | {"type": "dict"}, "response": {"type": "dict", "properties": {}}}
ROW = {"id": "simple_0", "question": [[{"role": "user", "content": "Rain?"}]], "function": [BFCL]}
OTHER = FLAT | {"name": "clock", "parameters": {"type": "dict", "properties": {}}}


def read(tmp_path: Path, content: Any) -> ToolFile:
    path = tmp_path / "tools.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_tool_file(path)


def function(tmp_path: Path, entry: Any) -> dict[str, Any]:
    [tool] = read(tmp_path, [entry]).tools
    return tool.model_dump()["function"]


def parameters(tmp_path: Path, properties: Any, **more: Any) -> dict[str, Any]:
    schema = {"type": "dict", "properties": properties} | more
    return function(tmp_path, FLAT | {"parameters": schema})["parameters"]


def lines(*values: Any) -> bytes:
    return "\n".join(map(json.dumps, values)).encode()


@pytest.mark.parametrize(
    ("content", "unused"),
    [
        ([CHAT], ""),
        (CHAT, ""),
        ({"model": "m", "messages": [], "tools": [CHAT]}, ""),
        ([{**CHAT, "function": CHAT["function"] | {"strict": True}}], "strict"),
        ([FLAT | {"type": "function", "strict": True, "parameters": SCHEMA}], "strict"),
        ({"tools": [MCP]}, ""),
        ({"jsonrpc": "2.0", "id": 1, "result": {"tools": [MCP]}}, ""),
        (
            [MCP | {"annotations": {"readOnlyHint": True}, "outputSchema": SCHEMA}],
            "annotations, outputSchema",
        ),
        ([FLAT | {"input_schema": SCHEMA}], ""),
        ({"functionDeclarations": [FLAT | {"parameters": SCHEMA | {"type": "OBJECT"}}]}, ""),
        ({"functions": [FLAT | {"parameters": SCHEMA}]}, ""),
        (BFCL, "response"),
        (lines(ROW, ROW), "response"),
        ([ROW], "response"),
        (
            lines(
                *[{"query": "Rain?", "answers": "[]", "tools": json.dumps([FLAT | {"parameters": SCHEMA}])}]
                * 2
            ),
            "",
        ),
        (b"\xef\xbb\xbf" + json.dumps([CHAT]).encode(), ""),
        (json.dumps([CHAT]).encode("utf-16"), ""),
        ("\r\n".join([json.dumps(ROW), "", json.dumps(ROW)]).encode("utf-16"), "response"),
    ],
)
def test_every_shape_gives_the_same_tool(tmp_path: Path, content: Any, unused: str) -> None:
    tools, notes = read(tmp_path, content)
    assert [tool.model_dump() for tool in tools] == [CHAT]
    path = tmp_path / "tools.json"
    assert notes == ([f"{path}: not used, since no call needs it: {unused}"] if unused else [])


@pytest.mark.parametrize("name", ["calculator", "tools"])
def test_a_file_that_worked_stays_as_it_is_written(name: str) -> None:
    # What was made with it is known by these very schemas.
    tools, notes = read_tool_file(DATA / f"{name}.json")
    assert [tool.model_dump() for tool in tools] == json.loads((DATA / f"{name}.json").read_text())
    assert notes == []


@pytest.mark.parametrize(
    "entry",
    [
        CHAT | {"function": {"name": "now", "description": "The time.", "parameters": {"type": "object"}}},
        CHAT | {"function": {"name": "now", "description": "The time."}},
        {"type": "function", "name": "now", "description": "The time.", "parameters": None},
        {"name": "now", "description": "The time.", "inputSchema": {"type": "object", "properties": None}},
        {"name": "now", "description": "The time.", "parameters": {"type": "dict", "properties": {}}},
    ],
)
def test_a_tool_without_parameters_has_none(tmp_path: Path, entry: Any) -> None:
    assert function(tmp_path, entry)["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"type": "float"}, {"type": "number"}),
        ({"type": "tuple", "items": {"type": "int"}}, {"type": "array", "items": {"type": "integer"}}),
        ({"type": "any"}, {}),
        ({"type": ""}, {}),
        ({"type": "STRING"}, {"type": "string"}),
        ({"type": "HashMap"}, {"type": "object"}),
        ({"type": ["str", "None"]}, {"type": ["string", "null"]}),
        ({"type": "List[str]"}, {"type": "array", "items": {"type": "string"}}),
        (
            {"type": "List[List[int]]"},
            {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        ),
        ({"type": "Tuple[int, str]"}, {"type": "array"}),
        ({"type": "Optional[float]"}, {"type": ["number", "null"]}),
        ({"type": "Union[int, str]"}, {"type": ["integer", "string"]}),
        ({"type": "Dict[str, Any]"}, {"type": "object"}),
        ({"type": "str, optional"}, {"type": "string"}),
        (
            {"type": "array", "items": [{"type": "int"}]},
            {"type": "array", "prefixItems": [{"type": "integer"}]},
        ),
        (
            {"type": "array", "items": {"type": "string"}, "enum": ["x", "y"]},
            {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}},
        ),
        ({"type": "array", "enum": [["x"], ["y"]]}, {"type": "array", "enum": [["x"], ["y"]]}),
        (
            {"anyOf": [{"type": "dict", "properties": {"type": {"type": "long"}}}, {"type": "bool"}]},
            {"anyOf": [{"type": "object", "properties": {"type": {"type": "integer"}}}, {"type": "boolean"}]},
        ),
    ],
)
def test_words_of_other_languages_are_those_of_json_schema(tmp_path: Path, written: Any, meant: Any) -> None:
    assert parameters(tmp_path, {"at": written}) == {"type": "object", "properties": {"at": meant}}


def test_what_is_required_may_stand_at_the_argument(tmp_path: Path) -> None:
    flagged = {"a": {"type": "int", "required": True}, "b": {"type": "int", "required": False}}
    assert parameters(tmp_path, flagged) == {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a"],
    }


def test_arguments_may_be_given_by_their_names_alone(tmp_path: Path) -> None:
    arguments = {
        "city": {"type": "str", "description": "where"},
        "days": {"type": "int", "default": 3},
        "unit": {"type": "str, optional"},
    }
    assert function(tmp_path, FLAT | {"parameters": arguments})["parameters"] == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "where"},
            "days": {"type": "integer", "default": 3},
            "unit": {"type": "string"},
        },
        "required": ["city"],
    }


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("weather", "weather"),
        ("get-weather_2", "get-weather_2"),
        ("math.add", "math_add"),
        ("files/read", "files_read"),
        ("server::tool", "server_tool"),
        ("3d_model", "_3d_model"),
        ("n" * 64, "n" * 64),
    ],
)
def test_a_name_is_changed_only_where_it_would_be_refused(tmp_path: Path, name: str, allowed: str) -> None:
    tools, notes = read(tmp_path, [MCP | {"name": name}])
    assert [tool.name for tool in tools] == [allowed]
    assert [name in note and allowed in note for note in notes] == [True] * (name != allowed)


def test_names_that_are_too_long_stay_apart(tmp_path: Path) -> None:
    names = ["n" * 70 + end for end in "ab"]
    tools, [note] = read(tmp_path, [MCP | {"name": name} for name in names])
    assert len({tool.name for tool in tools}) == 2
    assert all(len(tool.name) == 64 for tool in tools)
    assert note.count(" is ") == 2
    assert allowed_name(names[0]) == tools[0].name, "the same on every machine"


def test_names_that_become_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'math_add' is given to 2 tools"):
        read(tmp_path, [MCP | {"name": name} for name in ("math.add", "math/add")])


def test_what_was_changed_is_told_once_for_all_tools(tmp_path: Path) -> None:
    tools, notes = read(tmp_path, {"tools": [MCP | {"name": f"a.{n}", "icons": []} for n in range(9)]})
    assert len(tools) == 9
    assert [note.count("icons") + note.count("a.8 is a_8") for note in notes] == [1, 1]


def test_the_first_page_of_a_longer_list_is_called_so(tmp_path: Path) -> None:
    for content in ({"tools": [MCP], "nextCursor": "p2"}, {"result": {"tools": [MCP], "nextCursor": "p2"}}):
        assert [note.partition(": ")[2] for note in read(tmp_path, content).notes] == [
            "it is one page of a longer list (nextCursor)"
        ]


def test_a_tool_without_a_description_is_named(tmp_path: Path) -> None:
    tools, notes = read(tmp_path, [{"name": "ping", "inputSchema": {"type": "object"}}])
    assert tools[0].function.description == "ping"
    assert [note.partition(": ")[2] for note in notes] == [
        "without a description, so that a model sees the name alone: ping"
    ]
    assert (
        function(tmp_path, {"name": "ping", "title": "Ping!", "inputSchema": SCHEMA})["description"]
        == "Ping!"
    )


def test_rows_name_a_tool_once_and_say_where_they_differ(tmp_path: Path) -> None:
    changed = BFCL | {"description": "Says tomorrow's weather."}
    tools, notes = read(
        tmp_path, lines(ROW, ROW | {"function": [OTHER]}, ROW | {"function": [changed, OTHER]})
    )
    assert [tool.name for tool in tools] == ["weather", "clock"]
    assert tools[0].function.description == "Says the weather."
    assert any("several ways, of which the first is used: weather" in note for note in notes)


def test_references_are_written_out_where_the_file_is_read(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"to": {"$ref": "#/$defs/Place"}},
        "$defs": {"Place": SCHEMA},
    }
    assert function(tmp_path, FLAT | {"inputSchema": schema})["parameters"] == {
        "type": "object",
        "properties": {"to": SCHEMA},
    }
    whole = {"$ref": "#/definitions/Call", "definitions": {"Call": SCHEMA}, "$schema": "x"}
    assert function(tmp_path, FLAT | {"inputSchema": whole})["parameters"]["required"] == ["city"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            [MCP, MCP | {"name": "b", "inputSchema": SCHEMA | {"properties": {"a": {"$ref": "#"}}}}],
            "tool 2, function",
        ),
        ([MCP | {"inputSchema": {"type": "object", "properties": {"a": {"type": "objekt"}}}}], "'objekt'"),
        (
            [MCP | {"inputSchema": {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}}],
            "no target",
        ),
        ([MCP | {"inputSchema": {"$ref": "other.json#/a", "type": "object"}}], "leaves the schema"),
        ([MCP | {"inputSchema": []}], "tool 1, function.parameters"),
        ([MCP | {"inputSchema": {"type": "string"}}], '"type": "object"'),
        ({"tools": []}, "a list of at least one tool"),
        ({"tools": "[1"}, "not JSON"),
        ({"error": {"code": -32601, "message": "Method not found"}}, "Method not found"),
        (lines(ROW) + b"\n{broken", "tools.json:2: not valid JSON"),
        ([{"names": ["a"]}], "tool 1, type"),
        ([MCP | {"name": "天气"}], "tool 1, function.name"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_shapes_that_can(
    tmp_path: Path, content: Any, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert told in caught.value.message
    assert "MCP" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "python"),
    [("weather", "weather"), ("get-time", "get_time"), ("import", "import_"), ("a-b-c", "a_b_c")],
)
def test_the_function_of_a_tool_has_a_name_that_python_takes(name: str, python: str) -> None:
    spec = ToolSpec.model_validate({**CHAT, "function": {**CHAT["function"], "name": name}})
    assert spec.python_name == python


def test_a_tool_a_line_is_a_list(tmp_path: Path) -> None:
    assert [tool.name for tool in read(tmp_path, lines(BFCL, OTHER)).tools] == ["weather", "clock"]


@pytest.mark.parametrize(
    "message", ["Method not found", "Invalid params", "Session terminated", "Unauthorized"]
)
def test_an_error_of_a_server_is_no_list_of_tools(tmp_path: Path, message: str) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": message}}
    with pytest.raises(InputError, match=f"an error of the server in place of its tools: {message}"):
        read(tmp_path, answer)
