"""Who labels texts best, and at what cost: a student that writes the label, one with a head, an encoder.

python -m bench.labels --recipe RECIPE [--base PATH] [--encoder PATH ...] [--keep FOLDER]

RECIPE makes the data, `kind: label`; with --keep its workspace stays, and data that is there is not asked for
again. The base of the recipe, or --base, is trained twice as the recipe says: to write the label, and with a
classification head, which learns the labels and, where the recipe distils, the teacher's probabilities of
them. Each encoder is trained as a whole. Every student answers the recipe's held-out texts; milliseconds are
the median of one text alone until its label is there, bytes those of the weights. `wrong` is the share of
wrong labels among those that a student with a head answers by itself, and `promised` what the set-aside texts
said of it. Ends on one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.run import Run
from factory.evaluate.candidate import candidates
from factory.recipe import load_recipe
from factory.store.store import Store
from factory.system.progress import Progress
from factory.workspace import Workspace

ROOT = Path(__file__).parents[1]
# Settings of a stage that mean the same for a head.
_SHARED = ("steps", "batch_size", "learning_rate", "warmup", "save_every", "weight", "validation")
_FIGURES = {
    "accuracy": "answer_accuracy",
    "calibration_error": "calibration_error",
    "answered": "answered_share",
    "wrong": "answered_error",
    "promised": "promised_error",
    "seconds": "text_latency_p50_s",
    "bytes": "weight_bytes",
}


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", type=Path, required=True, help="a recipe of labels with a student")
    parser.add_argument("--base", help="another decoder than the recipe's; none: no decoder")
    parser.add_argument("--encoder", nargs="*", default=[], help="folders of encoders")
    parser.add_argument("--steps", type=int, default=200, help="steps of an encoder")
    parser.add_argument("--learning-rate", type=float, default=1e-4, help="that of an encoder")
    parser.add_argument("--keep", type=Path, help="a folder for the workspace")
    arguments = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        found = [
            {"student": said, "base": student["base"]} | _measured(arguments.recipe, folder, said, student)
            for said, student in _students(arguments)
        ]
    for line in _table(found):
        print(line)
    print(json.dumps({"labels": found}))


def _students(arguments: argparse.Namespace) -> list[tuple[str, dict[str, Any]]]:
    """Return each student by what it is called, as a recipe has it."""
    recipe = load_recipe(arguments.recipe).recipe.model_dump(mode="json", exclude_unset=True)
    own = {name: value for name, value in recipe["student"].items() if name not in ("head", "calibration")}
    students: list[tuple[str, dict[str, Any]]] = []
    base = arguments.base or own["base"]
    if base != "none":
        writes = own | {"base": _model(base)}
        heads = {"head": True, "stages": [_for_a_head(stage) for stage in own["stages"]]}
        students += [("writes", writes), ("head", writes | heads)]
    settings = {"steps": arguments.steps, "learning_rate": arguments.learning_rate}
    for number, encoder in enumerate(arguments.encoder):
        learnt = {"adapter": {"kind": "full"}, "stages": [{"sft": settings}]}
        students.append((f"encoder {number + 1}", {"base": _model(encoder)} | learnt))
    return students


def _for_a_head(stage: dict[str, Any]) -> dict[str, Any]:
    """Return a stage as a head can be taught."""
    (name, settings), *_ = stage.items()
    kept = {key: value for key, value in settings.items() if key in _SHARED}
    return {name: kept | ({"teacher": "stored"} if name == "distill" else {})}


def _model(name: str) -> str:
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def _measured(recipe: Path, folder: Path, name: str, student: dict[str, Any]) -> dict[str, Any]:
    """Run the recipe with this student, and return its figures by name."""
    loaded = load_recipe(recipe)
    asked = loaded.recipe.model_dump(mode="json", exclude_unset=True)
    asked.pop("compress", None)
    asked["student"] = student
    asked["teacher"]["model"] = _local(loaded, asked["teacher"]["model"], asked["teacher"].get("endpoints"))
    asked["data"]["seeds"] = str(loaded.resolve(asked["data"]["seeds"]))
    asked["evaluate"]["held_out"] = str(loaded.resolve(asked["evaluate"]["held_out"]))
    written, workspace = folder / f"{name.replace(' ', '-')}.json", folder / "work"
    written.write_text(json.dumps(asked, indent=1), encoding="utf-8")
    command = [sys.executable, "-m", "factory.cli.main", "run", str(written), "-w", str(workspace)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    plan = Plan(Run(load_recipe(written), Workspace(workspace), Progress()))
    with plan.run.workspace.lock(), Store(plan.run.workspace.store, plan.run.workspace.ledger) as store:
        (made,) = (one for one in candidates(plan, Lineage(plan.run, store)) if one.role == "student")
        rows = store.query(
            "SELECT metric, value, low, high FROM evaluations WHERE evaluation_id = ?",
            [made.evaluation_id(plan)],
        )
    figures = {row["metric"]: row for row in rows}
    known = {key: figures[metric]["value"] for key, metric in _FIGURES.items() if metric in figures}
    bounds = {key: figures["answer_accuracy"][key] for key in ("low", "high")}
    return known | bounds


def _local(loaded: Any, name: str, served: Any) -> str:
    return name if served or not (loaded.path.parent / name).is_dir() else str(loaded.resolve(name))


def _table(found: list[dict[str, Any]]) -> list[str]:
    """Return the lines of the table."""
    lines = [
        "| student | accuracy | ECE | answered | wrong | promised | ms | MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        shares = [f"{one[key]:.1%}" if key in one else "" for key in ("answered", "wrong", "promised")]
        ece = f"{one['calibration_error']:.3f}" if "calibration_error" in one else ""
        accuracy = f"{one['accuracy']:.1%} ({one['low']:.1%} to {one['high']:.1%})"
        cost = [f"{one['seconds'] * 1000:.1f}", f"{one['bytes'] / 1e6:.1f}"]
        lines.append(f"| {' | '.join([one['student'], accuracy, ece, *shares, *cost])} |")
    return lines


if __name__ == "__main__":
    main()
