"""`bench.bfcl` on a folder of the same form, with rows of our own."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import bfcl

SCHEMA = {
    "type": "dict",
    "properties": {
        "unit": {"type": "string", "enum": ["cm", "m"], "description": "of the side"},
        "side": {"type": "integer"},
        "more": {"type": "dict", "properties": {"z": {"type": "float"}, "a": {"type": "tuple"}}},
    },
    "required": ["side"],
}
AREA = {"name": "shape.area", "description": "The area.", "parameters": SCHEMA}


def row(number: int, *tools: Any) -> dict[str, Any]:
    return {"id": f"simple_python_{number}", "question": [[]], "function": list(tools)}


def test_the_last_line_counts_what_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[dict[str, list[Any]]] = [
        {"side": [3], "unit": ["", "m"], "more": [{"a": [[1]], "z": [1.5, 2]}]},
        {"side": ["three"]},
        {"side": [3], "height": [4]},
    ]
    unknown = AREA | {"parameters": {"type": "dict", "properties": {"a": {"type": "?"}}}}
    files = {
        "BFCL_v4_simple_python.json": [row(number, AREA) for number in range(3)],
        "possible_answer/BFCL_v4_simple_python.json": [
            {"id": f"simple_python_{number}", "ground_truth": [{"shape.area": answer}]}
            for number, answer in enumerate(answers)
        ],
        "BFCL_v4_irrelevance.json": [row(9, unknown)],
    }
    for category in bfcl.PYTHON:
        files.setdefault(f"BFCL_v4_{category}.json", [])
    for name, rows in files.items():
        path = tmp_path / "x" / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{json.dumps(one)}\n" for one in rows))
    monkeypatch.setattr(sys, "argv", ["bfcl", str(tmp_path)])
    bfcl.main()
    *told, last = capsys.readouterr().out.splitlines()
    result = json.loads(last)
    assert {key: result[key] for key in ("lists", "tools", "distinct", "references")} == {
        "lists": 4,
        "tools": 4,
        "distinct": 1,
        "references": 3,
    }
    assert result["exceptions"] == {
        "not read": 1,
        "reference refused: wrong_type": 1,
        "reference outside of the grammar": 1,
    }
    assert len(told) == 3
