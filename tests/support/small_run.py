"""A recipe that runs every stage on the real embedded model in a few minutes, and the real command to run it
with."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from factory.store.reader import ask

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
    """Write a short version of the calculator recipe and return its path; `changes` replaces further
    `key: value` pairs by their keys."""
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
    """A run that went through every stage, of the calculator's recipe or a short version of it."""

    recipe: Path
    workspace: Path

    @classmethod
    def in_workspace(cls, workspace: Path, folder: Path) -> "Finished":
        """Return the last run of a workspace; its recipe is written to a folder from which its paths lead to
        the same files."""
        text = "SELECT recipe_text FROM runs ORDER BY started_at DESC LIMIT 1"
        ((recipe,),) = ask(workspace / "factory.duckdb", text).rows
        (folder / "data").symlink_to(ROOT / "data")
        (folder / "recipe.yaml").write_text(str(recipe), encoding="utf-8")
        return cls(folder / "recipe.yaml", workspace)

    @property
    def asked(self) -> dict[str, Any]:
        """What the recipe says."""
        return dict(yaml.safe_load(self.recipe.read_text(encoding="utf-8")))

    def short(self, folder: Path) -> Path:
        """Write a recipe over the same data whose training and evaluation take little, and return its
        path."""
        return write_recipe(folder, count=self.asked["data"]["count"])

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return what the store answers."""
        answer = ask(self.workspace / "factory.duckdb", sql)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def copy_workspace(source: Path, target: Path) -> Path:
    """Copy a workspace; the files of its models, which are never written to, are the same files."""
    models = source / "models"

    def copy(path: str, to: str) -> None:
        if models in Path(path).parents:
            try:
                os.link(path, to)
                return
            except OSError:
                pass  # another file system
        shutil.copy2(path, to)

    shutil.copytree(source, target, copy_function=copy)
    return target
