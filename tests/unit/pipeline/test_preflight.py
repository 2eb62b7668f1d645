"""What is wrong with the tasks of a recipe is told before any model loads, with the line and what to do."""

from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from factory.pipeline.preflight import preflight
from tests.support.scripted import SEEDS, edit, load, own_tool, project, write

CALL = {"name": "calculator", "arguments": {"expression": "4 * 5"}}
OTHER = {"name": "text_tool", "arguments": {"operation": "reverse", "text": "abc"}}


def steps(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"id": "x", "question": "What is 4 times 5?", "reference": [[call] for call in calls]}


@pytest.mark.parametrize(
    ("calls", "why"),
    [
        (
            [CALL, {"name": "text_tool", "arguments": {"operation": "reverse", "text": "abc"}}],
            "calls text_tool, and the tools are: calculator",
        ),
        ([CALL | {"arguments": {"expresion": "4 * 5"}}], "'expresion' was unexpected"),
        ([CALL | {"arguments": {"expression": 20}}], "20 is not of type 'string'"),
    ],
)
@pytest.mark.parametrize("name", ["seeds.jsonl", "held_out.jsonl"])
def test_a_reference_that_a_teacher_cannot_write_is_told(
    tmp_path: Path, name: str, calls: list[dict[str, Any]], why: str
) -> None:
    project(tmp_path, "steps", "count: 4", more="evaluate: {held_out: held_out.jsonl}\n")
    write(tmp_path / "held_out.jsonl", [steps(CALL)])
    preflight(load(tmp_path), ("generate",))
    write(tmp_path / name, [SEEDS["steps"][0], steps(*calls)])
    with pytest.raises(InputError) as caught:
        preflight(load(tmp_path), ("generate",))
    (first, *_) = caught.value.message.splitlines()
    assert f"{name}:2: the reference" in first and why in caught.value.message
    assert "Correct the references, remove the tasks, or add to tools.json what they call." in str(
        caught.value
    )


def test_an_own_tools_expression_is_held_to_its_schema(tmp_path: Path) -> None:
    path = own_tool(tmp_path)
    context = load(path.parent)
    preflight(context, ("generate",))
    tools = tmp_path / "tools.json"
    tools.write_text(tools.read_text().replace('"type": "string"', '"type": "string", "pattern": "^[0-9]$"'))
    changed = load(path.parent)
    with pytest.raises(
        InputError, match=r"seeds\.jsonl:1: the reference '11' of s11 calls twice with what it does not take"
    ):
        preflight(changed, ("generate",))
    for each in (context, changed):
        assert each.custom_tools is not None
        each.custom_tools.close()


def test_a_seed_without_reference_needs_a_check_that_compares(tmp_path: Path) -> None:
    path = project(tmp_path, "tool_call", "count: 6", more="checks: [schema, execution]\n")
    write(
        tmp_path / "seeds.jsonl",
        [SEEDS["tool_call"][0], {"id": "open", "question": "What is 4 times 5?", "reference": ""}],
    )
    with pytest.raises(InputError, match=r"seeds\.jsonl:2: open has no reference, and no check"):
        preflight(load(tmp_path), ("generate",))
    edit(path, "execution]", "execution, agreement]")
    preflight(load(tmp_path), ("generate",))


def test_a_held_out_task_needs_a_reference(tmp_path: Path) -> None:
    project(tmp_path, "tool_call", "count: 6", more="evaluate: {held_out: held_out.jsonl}\n")
    write(tmp_path / "held_out.jsonl", [{"id": "blind", "question": "What is 4 times 5?", "reference": ""}])
    with pytest.raises(InputError, match=r"held_out\.jsonl:1: the held-out task blind has no reference"):
        preflight(load(tmp_path), ("generate",))
