"""A person's own tools through a recipe: carried out behind the sandbox's walls, named before any work if
they do not fit."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from factory.context.plan import Plan
from factory.errors import InputError
from factory.generate.check import check
from factory.generate.stage import generate
from factory.inference.request import Request
from factory.pipeline.preflight import preflight
from tests.support.command import factory
from tests.support.scripted import Model, column, count, edit, load, numbers, opened, project, write

SOURCE = """\
import os

def area(width, height):
    if width == 99:
        while True:
            pass
    if width == 98:
        return open("/etc/hostname").read()
    if width == 97:
        return os.getpid()
    return width * height
"""
SPEC = {
    "type": "function",
    "function": {
        "name": "area",
        "description": "The area of a rectangle.",
        "parameters": {
            "type": "object",
            "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}},
            "required": ["width", "height"],
            "additionalProperties": False,
        },
    },
}
OWN = "custom_tools: {python: tools.py, timeout_s: 0.5}"


def with_tools(folder: Path, *data: str) -> Path:
    """Write a recipe whose tools are the calculator and one that does not ship."""
    path = project(folder, "steps", "count: 12", "examples: 0", *data, more="checks: [schema, execution]\n")
    tools = json.loads((folder / "tools.json").read_text())
    (folder / "tools.json").write_text(json.dumps([*tools, SPEC]))
    (folder / "tools.py").write_text(SOURCE)
    write(folder / "seeds.jsonl", [seed(width) for width in (12, 14, 16)])
    return path


def seed(width: int) -> dict[str, Any]:
    arguments = {"width": width, "height": width + 5}
    question = f"How large is a field of {width} by {width + 5} metres?"
    return {
        "id": f"s{width}",
        "family": "area",
        "question": question,
        "reference": [[{"name": "area", "arguments": arguments}]],
    }


def measuring(request: Request) -> str:
    """Say the call that a question about an area needs, and the empty list after its result."""
    if request.messages[-1]["content"].startswith("Results"):
        return "[]"
    width, height = map(int, numbers(request))
    return json.dumps([{"name": "area", "arguments": {"width": width, "height": height}}])


def made(context: Plan, model: Model) -> None:
    with opened(context) as store:
        generate(context, store, model)
        check(context, store)


def test_results_come_from_the_persons_own_function(tmp_path: Path) -> None:
    path = with_tools(tmp_path, OWN)
    first, second = Model(measuring), Model(measuring)
    made(load(tmp_path), first)
    with opened(load(tmp_path)) as store:
        rows = store.query("SELECT question, result, answer, call FROM training_set")
        for row in rows:
            width, height = (int(word) for word in row["question"].split() if word.isdigit())
            assert json.loads(row["result"]) == [[str(width * height)]]
            assert row["answer"] == f"The answer is {width * height}."
    assert len(rows) == 12
    # Another version of the tool makes other samples of the same answers; only the turns that show a result
    # are asked again.
    edit(path.with_name("tools.py"), "return width * height", "return width * height * 10000")
    made(load(tmp_path), second)
    assert not set(first.keys) & set(second.keys)
    assert len(second.asked) == len(first.asked) / 2
    assert all(request.messages[-1]["content"].startswith("Results") for request in second.asked)
    with opened(load(tmp_path)) as store:
        assert count(store, "training_set") == 12
        assert all(result.endswith('0000"]]') for result in column(store, "SELECT result FROM training_set"))


def test_a_servers_list_of_tools_serves_as_it_is(tmp_path: Path) -> None:
    """Nested models in `$defs`, a tool without parameters, a dotted name, 5.0 for an integer."""
    with_tools(tmp_path, OWN)
    field = {
        "type": "object",
        "properties": {
            "width": {"type": "integer", "description": "in metres"},
            "height": {"type": "integer"},
        },
        "required": ["width", "height"],
    }
    area = {
        "type": "object",
        "properties": {"field": {"$ref": "#/$defs/Field"}},
        "required": ["field"],
        "$defs": {"Field": field},
    }
    tools = [
        {"name": "field.area", "description": "The area.", "inputSchema": area},
        {"name": "now", "description": "The time.", "inputSchema": {"type": "object"}},
    ]
    (tmp_path / "tools.json").write_text(json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}))
    source = "def field_area(field): return len(range(field['width'])) * field['height']\n"
    (tmp_path / "tools.py").write_text(f"{source}def now(): return 'noon'\n")
    rows = []
    for width in (12, 14, 16):
        call = {"name": "field_area", "arguments": {"field": {"width": width, "height": width + 5}}}
        rows.append(seed(width) | {"reference": [[call]]})
    write(tmp_path / "seeds.jsonl", rows)

    def say(request: Request) -> str:
        if request.messages[-1]["content"].startswith("Results"):
            return "[]"
        width, height = map(int, numbers(request))
        call = {"name": "field_area", "arguments": {"field": {"width": float(width), "height": height}}}
        return json.dumps([call])

    model, plan = Model(say), load(tmp_path)
    made(plan, model)
    for request in model.asked:
        assert "$ref" not in json.dumps(request.schema)
        assert '"description": "in metres"' in request.messages[0]["content"]
    assert "field.area is field_area" in plan.tool_file.notes[0]
    with opened(load(tmp_path)) as store:
        rows = store.query("SELECT question, result FROM training_set")
    assert len(rows) == 12
    for row in rows:
        width, height = (int(word) for word in row["question"].split() if word.isdigit())
        assert json.loads(row["result"]) == [[str(width * height)]]


def test_what_a_tool_may_not_do_is_a_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    with_tools(tmp_path, OWN, "budget: {requests: 24}")
    widths = iter([99, 98, 97])

    def say(request: Request) -> str:
        said = measuring(request)
        if said != "[]" and (width := next(widths, None)):
            return json.dumps([{"name": "area", "arguments": {"width": width, "height": 1}}])
        return said

    made(load(tmp_path), Model(say, at_once=1))
    with opened(load(tmp_path)) as store:
        rejected = {
            (row["reason"], (row["detail"] or "")[:9])
            for row in store.query("SELECT reason, detail FROM rejected")
        }
        results = column(
            store, "SELECT result FROM samples WHERE position(':97' IN replace(call::VARCHAR, ' ', '')) > 0"
        )
        accepted = count(store, "training_set")
    assert ("tool_error", "timed_out") in rejected
    assert ("tool_error", "refused: ") in rejected
    assert accepted >= 8
    assert [json.loads(result)[0][0] != str(os.getpid()) for result in results] == [True], (
        "the function ran in another process"
    )


def test_an_unknown_tool_is_named_before_any_work(tmp_path: Path) -> None:
    path = with_tools(tmp_path)
    done = factory("run", path, "-w", tmp_path / "new")
    assert done.returncode == 2
    assert "the tool area is not one that ships (calculator, " in done.stderr
    assert "Write data.custom_tools: {python: FILE}" in done.stderr
    assert not (tmp_path / "new").exists(), "refused before the workspace is made"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def volume(a): return a\n", "tools.py:1: no function 'area' is defined at the top level"),
        (
            "\n\ndef area(width): return width\n",
            "tools.py:3: area does not take the argument 'height' of its schema",
        ),
        (
            "def area(width, height, unit): return 1\n",
            "tools.py:1: area needs the argument 'unit', which its schema does not require",
        ),
        ("x = 1\ndef area(width, height) return 1\n", "tools.py:2: not valid Python"),
        ("async def area(width, height): return 1\n", "tools.py:1: area is `async`: write a plain function"),
        ("raise OSError('no')\ndef area(width, height): return 1\n", "tools.py: cannot be loaded: "),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_its_line_before_any_work(
    tmp_path: Path, source: str, told: str
) -> None:
    with_tools(tmp_path, OWN)
    (tmp_path / "tools.py").write_text(source)
    with pytest.raises(InputError) as caught:
        preflight(load(tmp_path), ("generate",))
    assert told in caught.value.message
