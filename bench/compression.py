"""What each way to make a student smaller costs and gains, before and after recovery, in one table.

python -m bench.compression [--model MODEL] [--variants ...] [--keep FOLDER]

One student of `pipelines/calculator.yaml` is trained; each variant compresses it with a gate that lets
nothing be lost, so that recovery is tried wherever something was: `before` and `after` are the compressed and
the recovered student, on the same held-out tasks, through vLLM. A dash stands for what had nothing to be
recovered. `bytes` and `tokens/s` are ratios to the uncompressed student; speed is measured at the end, each
model in a fresh process, all of them twice in turn (`bench.alone`). With --model another model is teacher and
base. With --keep the workspace stays, and a second run goes on from it. Ends on one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.alone import in_turn
from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.run import Run
from factory.evaluate.candidate import candidates
from factory.recipe import load_recipe
from factory.store.store import Store
from factory.system.progress import Progress
from factory.workspace import Workspace

ROOT = Path(__file__).parents[1]
VARIANTS: dict[str, dict[str, Any]] = {
    "layers -25 %": {"prune": {"layers": 0.25}},
    "heads -25 %": {"prune": {"heads": 0.25}},
    "MLP -25 %": {"prune": {"mlp": 0.25}},
    "2:4": {"sparsity": {"pattern": "2:4"}},
    "dynamic INT8": {"quantize": "w8a8-dynamic"},
    "static INT8": {"quantize": "w8a8-static", "calibration_samples": 32},
    "INT4": {"quantize": "w4a16", "calibration_samples": 32},
    "mixed": {"quantize": "mixed", "calibration_samples": 32},
}
ROLES = {"student": "whole", "student_quantized": "before", "student_recovered": "after"}
# Of each column: the metric, how it is written, and whether it is a ratio to the uncompressed student's.
COLUMNS = {
    "accuracy": ("answer_accuracy", ".1%", False),
    "perplexity": ("perplexity", ".3f", False),
    "bytes": ("weight_bytes", ".2f", True),
    "tokens/s": ("tokens_per_s", ".2f", True),
}
Figures = dict[str, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="another model than the recipe's, as teacher and as base")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--steps", type=int, default=40, help="steps of each recovery")
    parser.add_argument("--train", type=int, default=100, help="steps of the student's training")
    parser.add_argument("--learning-rate", type=float, default=0.002, help="of the student's training")
    parser.add_argument("--count", type=int, default=540, help="samples to learn from")
    parser.add_argument(
        "--repeats",
        type=int,
        default=1,
        help="of the speed that each evaluation measures, which is not shown here",
    )
    parser.add_argument("--keep", type=Path, help="a folder for the workspace")
    arguments = parser.parse_args()
    result: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        models: dict[str, Path] = {}
        for variant in arguments.variants:
            result[variant], folders = _figures(
                recipe := _recipe(variant, arguments, folder), folder / "work"
            )
            models |= {_label(variant, when): path for when, path in folders.items()}
            print(f"{variant}: {json.dumps(result[variant])}", file=sys.stderr, flush=True)
        speed = in_turn(recipe, models)
    for variant, found in result.items():
        for when, figures in found.items():
            figures["tokens_per_s"] = round(speed[_label(variant, when)], 1)
    _show(result)
    print(json.dumps(result))


def _label(variant: str, when: str) -> str:
    return "uncompressed" if when == "whole" else f"{variant} {when} recovery"


def _recipe(variant: str, arguments: argparse.Namespace, folder: Path) -> Path:
    recipe = load_recipe(ROOT / "pipelines" / "calculator.yaml").recipe.model_dump(
        mode="json", exclude_unset=True
    )
    model = arguments.model or recipe["teacher"]["model"]
    model = str(Path(model).resolve()) if Path(model).is_dir() else model
    recipe["teacher"]["model"] = recipe["student"]["base"] = model
    recipe["student"]["stages"] = [
        {
            "sft": {
                "steps": arguments.train,
                "batch_size": 8,
                "learning_rate": arguments.learning_rate,
                "validation": None,
            }
        }
    ]
    recipe["data"] |= {key: str(ROOT / recipe["data"][key]) for key in ("seeds", "tools")} | {
        "count": arguments.count
    }
    recipe["evaluate"] |= {
        "held_out": str(ROOT / recipe["evaluate"]["held_out"]),
        "repeats": arguments.repeats,
        "max_tasks": None,
    }
    recipe["compress"] = VARIANTS[variant] | {"max_accuracy_drop": 0.0, "recover": {"steps": arguments.steps}}
    folder.mkdir(parents=True, exist_ok=True)
    words = (word.strip("-%:") for word in variant.lower().replace(":4", " of 4").split())
    path = folder / f"{'-'.join(filter(None, words))}.json"
    path.write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    return path


def _figures(recipe: Path, workspace: Path) -> tuple[Figures, dict[str, Path]]:
    """Run the recipe; return what was measured of the student whole, before and after recovery, and their
    folders."""
    command = [sys.executable, "-m", "factory.cli.main", "run", str(recipe), "-w", str(workspace)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    context = Plan(Run(load_recipe(recipe), Workspace(workspace), Progress()))
    with (
        context.run.workspace.lock(),
        Store(context.run.workspace.store, context.run.workspace.ledger) as store,
    ):
        found, folders = {}, {}
        for candidate in candidates(context, Lineage(context.run, store)):
            if candidate.role in ROLES:
                rows = store.query(
                    "SELECT metric, value FROM evaluations WHERE evaluation_id = ?",
                    [candidate.evaluation_id(context)],
                )
                values = {row["metric"]: row["value"] for row in rows}
                found[ROLES[candidate.role]] = {
                    metric: round(values[metric], 4) for metric, _, _ in COLUMNS.values() if metric in values
                }
                folders[ROLES[candidate.role]] = candidate.folder
    return found, folders


def _show(result: dict[str, Figures]) -> None:
    whole = next(iter(result.values()))["whole"]
    print(f"{'':<14}" + "".join(f"{name:>18}" for name in COLUMNS))
    print(f"{'':<14}" + f"{'before':>9}{'after':>9}" * len(COLUMNS))
    for variant, found in {"uncompressed": {"before": whole}, **result}.items():
        cells = []
        for metric, written, ratio in COLUMNS.values():
            for figures in (found["before"], found.get("after")):
                cells.append(
                    format(figures[metric] / (whole[metric] if ratio else 1), written) if figures else "–"
                )
        print(f"{variant:<14}" + "".join(f"{cell:>9}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
