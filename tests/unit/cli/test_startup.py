"""The verbs that only look at text answer at once: they import no library that loads models or opens
stores."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEAVY = (
    "torch",
    "vllm",
    "transformers",
    "trl",
    "peft",
    "llmcompressor",
    "datasets",
    "duckdb",
    "pyarrow",
    "matplotlib",
    "numpy",
)

TYPED = [["--help"], ["run", "--help"], ["audit", "--help"], ["validate", "pipelines/calculator.yaml"]]
PROGRAM = """
import sys
from factory.cli.main import main
for arguments in {typed!r}:
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as end:
        assert not end.code
    print("imported:", *arguments, *sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr)
"""


def test_no_heavy_library_is_imported() -> None:
    command = [sys.executable, "-c", PROGRAM.format(heavy=HEAVY, typed=TYPED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [f"imported: {' '.join(arguments)}" for arguments in TYPED]
