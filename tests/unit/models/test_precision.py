"""The number format that models run in: what is fast here, unless the model's kernels know one alone."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from factory.models import precision
from factory.models.precision import fast_precision, running_precision, shared_note, slowdown

ROOT = Path(__file__).parents[3]
NARROW, TILES = ["avx2"], ["avx2", "avx512f", "amx_bf16", "amx_int8"]


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv(precision.NOTE, raising=False)
    monkeypatch.setattr(precision, "_measured", lambda: pytest.fail("nothing is to be measured here"))
    slowdown.cache_clear()
    shared_note.cache_clear()
    yield
    slowdown.cache_clear()
    shared_note.cache_clear()


def noted(monkeypatch: pytest.MonkeyPatch, place: Path, ratio: float) -> None:
    place.write_text(str(ratio))
    monkeypatch.setenv(precision.NOTE, str(place))


@pytest.mark.parametrize(
    ("ratio", "fast"),
    [(0.0, "bfloat16"), (0.4, "bfloat16"), (1.2, "bfloat16"), (1.4, "float32"), (30, "float32")],
)
def test_float32_only_where_it_is_clearly_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ratio: float, fast: str
) -> None:
    noted(monkeypatch, tmp_path / "note", ratio)
    assert fast_precision() == fast


def group(bits: int, kind: str = "int") -> dict[str, Any]:
    return {"weights": {"num_bits": bits, "type": kind}, "input_activations": None}


@pytest.mark.parametrize(
    ("quantized", "sets", "runs"),
    [
        (None, NARROW, "float32"),
        (None, TILES, "float32"),
        ([group(8)], NARROW, "float32"),
        ([group(8), group(8)], NARROW, "float32"),
        ([group(8)], TILES, "bfloat16"),
        ([group(4)], NARROW, "bfloat16"),
        ([group(4), group(8)], NARROW, "bfloat16"),
        ([group(8, "float")], NARROW, "bfloat16"),
        ([], NARROW, "bfloat16"),
    ],
)
def test_a_model_runs_in_what_its_kernels_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quantized: Any, sets: list[str], runs: str
) -> None:
    noted(monkeypatch, tmp_path / "note", 10.0)
    monkeypatch.setattr(precision, "machine", lambda: {"instruction_sets": sets})
    groups = {f"group_{number}": one for number, one in enumerate(quantized or [])}
    config = {} if quantized is None else {"quantization_config": {"config_groups": groups}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert running_precision(tmp_path) == runs


def test_where_bfloat16_is_fast_every_model_runs_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted(monkeypatch, tmp_path / "note", 0.5)
    (tmp_path / "config.json").write_text("{}")
    assert running_precision(tmp_path) == "bfloat16"


@pytest.mark.parametrize(("sets", "times"), [(NARROW, 2), (TILES, 1)])
def test_a_model_takes_twice_the_memory_in_float32(
    monkeypatch: pytest.MonkeyPatch, sets: list[str], times: int
) -> None:
    monkeypatch.setattr(precision, "machine", lambda: {"instruction_sets": sets})
    monkeypatch.setattr(precision, "has_gpu", lambda: False)
    assert precision.loaded_bytes(1000) == times * 1000


CHILD = """
from factory.models import precision
precision._measured = lambda: {ratio}
print(precision.slowdown())
"""


def test_what_one_child_measures_its_siblings_know() -> None:
    environment = os.environ | shared_note() | {"PYTHONPATH": str(ROOT)}
    said = [
        subprocess.run(
            [sys.executable, "-c", CHILD.format(ratio=ratio)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for ratio in (7.5, 0.1)
    ]
    assert said == ["7.5\n", "7.5\n"]


@pytest.mark.parametrize("place", ["/proc/1/fd/none", "", "damaged"])
def test_a_note_that_cannot_be_read_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(precision, "_measured", lambda: 3.0)
    if place == "damaged":
        (tmp_path / place).write_bytes(b"\xff\x00 no number")
        place = str(tmp_path / place)
    monkeypatch.setenv(precision.NOTE, place)
    assert slowdown() == 3.0
