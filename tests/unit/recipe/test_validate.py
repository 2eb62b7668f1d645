"""`factory validate` says ok and what will be done, or every fault, without loading a model library."""

import subprocess
import sys
from pathlib import Path

import pytest

from factory.cli.validate import validate
from factory.errors import InputError
from tests.unit.recipe.conftest import PLAIN, Bend, Write

ROOT = Path(__file__).parents[3]


def test_a_right_recipe_is_told_in_four_lines(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(PLAIN + "compress: {quantize: w8a8-static}\n")
    validate(path)
    # What this machine is slow at depends on the machine: tests/unit/cli/test_validate.py.
    lines = [line for line in capsys.readouterr().out.splitlines() if "  this machine:" not in line]
    assert lines[0] == f"{path}: ok"
    assert "4 samples from smollm2-135m-instruct" in lines[1]
    assert "sft 2 steps (8 epochs), distill 1 steps (2 epochs), w8a8-static" in lines[2]
    assert lines[3].startswith("  chat format: Hermes, because the base's tokenizer knows its marks")
    assert len(lines) == 4


def test_a_recipe_for_data_alone_says_so(bend: Bend, capsys: pytest.CaptureFixture[str]) -> None:
    validate(bend({"student": None, "evaluate": None, "teacher.endpoints": ["http://one/v1"]}))
    out = capsys.readouterr().out
    assert "(endpoints: 1)" in out
    assert "student: none" in out


def test_faults_are_raised_and_nothing_is_printed(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError) as caught:
        validate(write("sed: 1\n" + PLAIN))
    assert "did you mean 'seed'?" in caught.value.message
    assert capsys.readouterr().out == ""


def test_no_model_library_is_imported(write: Write) -> None:
    code = (
        "import sys; from pathlib import Path; from factory.cli.validate import validate; "
        "validate(Path(sys.argv[1]));"
        "print(sorted({'torch', 'vllm', 'transformers', 'trl', 'peft', 'llmcompressor'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(write(PLAIN))], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
