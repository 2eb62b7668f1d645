"""Whether a compressed student may ship is decided from what both answered, entered once, and anew when the
recipe allows more."""

import json
from pathlib import Path

import pytest

from factory.errors import InputError
from factory.evaluate.candidate import Candidate, Role
from factory.evaluate.gate import may_ship
from factory.evaluate.measure import measure
from factory.inference.request import Request
from factory.recipe import load_recipe
from tests.support.scripted import Model, load, numbers, opened, own_tool


def _says(wrong: str):
    def say(request: Request) -> str:
        (number,) = numbers(request)
        argument = "0" if number in wrong.split() else number
        return f"<tool_call>{json.dumps({'name': 'twice', 'arguments': {'number': argument}})}</tool_call>"

    return say


def _subject(role: Role, folder: Path) -> Candidate:
    return Candidate(role, f"b2:{role}", role, folder, False, "", "")


@pytest.mark.parametrize(("max_accuracy_drop", "passed"), [(0.1, False), (0.25, True), (1.0, True)])
def test_what_is_lost_decides(tmp_path: Path, max_accuracy_drop: float, passed: bool) -> None:
    path = own_tool(tmp_path)
    student = "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n"
    begun = path.read_text() + student
    path.write_text(begun + f"compress: {{quantize: w8a8-dynamic, max_accuracy_drop: {max_accuracy_drop}}}\n")
    context = load(tmp_path)
    whole, small = _subject("student", tmp_path), _subject("student_quantized", tmp_path)
    with opened(context) as store:
        measure(context, store, whole, Model(_says("33")), local=False)
        measure(context, store, small, Model(_says("31 32")), local=False)
        assert may_ship(context, store, small, whole) is passed
        assert may_ship(context, store, small, whole) is passed
        (gate,) = store.query(
            "SELECT artifact_id, baseline_id, accuracy_drop, max_accuracy_drop, passed FROM gates"
        )
        assert gate == {
            "artifact_id": "b2:student_quantized",
            "baseline_id": "b2:student",
            "accuracy_drop": 0.25,
            "max_accuracy_drop": max_accuracy_drop,
            "passed": passed,
        }
        path.write_text(begun + "compress: {quantize: w8a8-dynamic, max_accuracy_drop: 0.5}\n")
        assert may_ship(load(tmp_path), store, small, whole)
        assert [
            row["max_accuracy_drop"]
            for row in store.query("SELECT max_accuracy_drop FROM gates ORDER BY batch")
        ] == [
            max_accuracy_drop,
            0.5,
        ]
        path.write_text(begun + "compress: {quantize: w8a8-dynamic}\n")
        assert may_ship(load(tmp_path), store, small, whole)
        assert store.query("SELECT count(*) AS n FROM gates") == [{"n": 2}], (
            "there is no refusal to be lifted"
        )
        path.write_text(begun + "compress: {quantize: w8a8-dynamic, max_accuracy_drop: 0.1}\n")
        assert not may_ship(load(tmp_path), store, small, whole)
        path.write_text(begun + "compress: {quantize: w8a8-dynamic}\n")
        assert may_ship(load(tmp_path), store, small, whole)
        assert [row["passed"] for row in store.query("SELECT passed FROM gates ORDER BY batch")] == [
            passed,
            True,
            False,
            True,
        ]
    assert context.custom_tools is not None
    context.custom_tools.close()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "compress: {quantize: w8a8-dynamic, recover: {steps: 5}}",
            "compress.recover: only with max_accuracy_drop",
        ),
        ("compress: {quantize: w8a8-dynamic, max_accuracy_drop: 1.5}", "compress.max_accuracy_drop"),
        ("compress: {prune: {layers: 0}}", "compress.prune: all shares are 0"),
        ("compress: {prune: {layers: 0.6}}", "compress.prune.layers"),
    ],
)
def test_what_makes_no_gate_is_refused(tmp_path: Path, more: str, message: str) -> None:
    path = own_tool(tmp_path)
    path.write_text(
        path.read_text()
        + "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n"
        + more
        + "\n"
    )
    with pytest.raises(InputError, match=message):
        load_recipe(path)
