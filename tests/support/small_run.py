"""A recipe that runs every stage on the real embedded model in a few minutes, and the real command to run it
with."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "factory.cli.main"]


def write_recipe(
    folder: Path,
    *,
    count: int = 48,
    held_out: int = 16,
    sft_steps: int = 4,
    distill_steps: int = 2,
    **changes: str,
) -> Path:
    """Write a short version of the calculator recipe; `changes` replaces further `key: value` pairs by their
    keys."""
    tasks = (ROOT / "data" / "held_out" / "calculator.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "held_out.jsonl").write_text(
        "\n".join(tasks[:: len(tasks) // held_out][:held_out]) + "\n", encoding="utf-8"
    )
    text = (ROOT / "pipelines" / "calculator.yaml").read_text(encoding="utf-8")
    text = re.sub(r"sft: \{[^}]*\}", f"sft: {{steps: {sft_steps}, save_every: 2, batch_size: 4}}", text)
    text = re.sub(r"distill: \{[^}]*\}", f"distill: {{steps: {distill_steps}, batch_size: 4}}", text)
    text = re.sub(r"compress: \{[^}]*\}", "compress: {quantize: w8a8-static, calibration_samples: 8}", text)
    for key, value in {"count": str(count), **changes}.items():
        text = re.sub(rf"\b{key}: [^,}}\n]+", f"{key}: {value}", text)
    text = text.replace("data/held_out/calculator.jsonl", str(folder / "held_out.jsonl")).replace(
        " data/", f" {ROOT}/data/"
    )
    recipe = folder / "recipe.yaml"
    recipe.write_text(text, encoding="utf-8")
    return recipe


def factory(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, check=False, **options
    )  # type: ignore[call-overload,no-any-return]


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start the command; its standard error can be read line by line."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@dataclass(frozen=True)
class Finished:
    """A run that went through every stage."""

    recipe: Path
    workspace: Path
    messages: str
    printed: str
