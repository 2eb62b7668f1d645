"""The verbs that only look at text answer at once: they import no library that loads models or opens stores."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "vllm", "transformers", "trl", "peft", "llmcompressor", "datasets", "duckdb", "pyarrow", "matplotlib", "numpy")

PROGRAM = """
import sys
from factory.cli.main import main
try:
    main()
finally:
    print("imported:", *sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["audit", "--help"], ["validate", "pipelines/calculator.yaml"]], ids=" ".join
)
def test_no_heavy_library_is_imported(arguments: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM.format(heavy=HEAVY), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "imported:"
