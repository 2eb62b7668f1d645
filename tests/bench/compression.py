"""What each way to make a student smaller costs and gains, before and after repair, in one table.

python -m tests.bench.compression [--model MODEL] [--variants ...] [--keep FOLDER]

One student of `pipelines/calculator.yaml` is trained; each variant compresses it with a gate that lets nothing be lost, so that a repair is
tried wherever something was: `before` and `after` are the compressed and the repaired student, on the same held-out tasks, through vLLM.
A dash stands for what had nothing to be repaired. Bytes and tokens/s are ratios to the uncompressed student, measured in the same run.
With --model another model is teacher and base. With --keep the workspace stays, and a second run goes on from it. Ends on one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from factory.context import Context
from factory.evaluate.subject import subjects
from factory.progress import Progress
from factory.recipe import load_recipe
from factory.store.store import Store
from factory.workspace import Workspace

ROOT = Path(__file__).parents[2]
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
ROLES = {"student": "whole", "student_quantized": "before", "student_repaired": "after"}
METRICS = ("answer_accuracy", "perplexity", "weight_bytes", "tokens_per_s_batch_32", "latency_p50_s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="another model than the recipe's, as teacher and as base")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--steps", type=int, default=40, help="steps of each repair")
    parser.add_argument("--train", type=int, default=100, help="steps of the student's training")
    parser.add_argument("--learning-rate", type=float, default=0.002, help="of the student's training")
    parser.add_argument("--count", type=int, default=540, help="samples to learn from")
    parser.add_argument("--keep", type=Path, help="a folder for the workspace")
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        for variant in arguments.variants:
            result[variant] = _figures(_recipe(variant, arguments, folder), folder / "work")
            print(f"{variant}: {json.dumps(result[variant])}", file=sys.stderr, flush=True)
    _show(result)
    print(json.dumps(result))


def _recipe(variant: str, arguments: argparse.Namespace, folder: Path) -> Path:
    recipe = load_recipe(ROOT / "pipelines" / "calculator.yaml").recipe.model_dump(mode="json", exclude_unset=True)
    model = arguments.model or recipe["teacher"]["model"]
    model = str(Path(model).resolve()) if Path(model).is_dir() else model
    recipe["teacher"]["model"] = recipe["student"]["base"] = model
    recipe["student"]["stages"] = [{"sft": {"steps": arguments.train, "batch_size": 8, "learning_rate": arguments.learning_rate}}]
    recipe["data"] |= {key: str(ROOT / recipe["data"][key]) for key in ("seeds", "tools")} | {"count": arguments.count}
    recipe["evaluate"] |= {"held_out": str(ROOT / recipe["evaluate"]["held_out"])}
    recipe["compress"] = VARIANTS[variant] | {"most_lost": 0.0, "repair": {"steps": arguments.steps}}
    folder.mkdir(parents=True, exist_ok=True)
    words = (word.strip("-%:") for word in variant.lower().replace(":4", " of 4").split())
    path = folder / f"{'-'.join(filter(None, words))}.json"
    path.write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    return path


def _figures(recipe: Path, workspace: Path) -> dict[str, dict[str, float]]:
    command = [sys.executable, "-m", "factory.cli.main", "run", str(recipe), "-w", str(workspace)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    context = Context(load_recipe(recipe), Workspace(workspace), Progress())
    with context.workspace.lock(), Store(context.workspace.store, context.workspace.ledger) as store:
        found = {}
        for subject in subjects(context, store):
            if subject.role in ROLES:
                rows = store.query("SELECT metric, value FROM evaluations WHERE evaluation_id = ?", [subject.evaluation_id(context)])
                values = {row["metric"]: row["value"] for row in rows}
                found[ROLES[subject.role]] = {metric: round(values[metric], 4) for metric in METRICS if metric in values}
    return found


def _show(result: dict[str, Any]) -> None:
    whole = next(iter(result.values()))["whole"]
    print(f"{'':<14}{'accuracy':>18}{'perplexity':>18}{'bytes':>9}{'tokens/s':>10}{'latency':>9}")
    print(f"{'':<14}{'before':>9}{'after':>9}{'before':>9}{'after':>9}")
    print(f"{'uncompressed':<14}{whole['answer_accuracy']:>9.1%}{'':>9}{whole['perplexity']:>9.3f}{'':>9}{1:>9.2f}{1:>10.2f}{1:>9.2f}")
    for variant, found in result.items():
        before, after = found["before"], found.get("after")
        cells = [f"{before['answer_accuracy']:.1%}", f"{after['answer_accuracy']:.1%}" if after else "–"]
        cells += [f"{before['perplexity']:.3f}", f"{after['perplexity']:.3f}" if after else "–"]
        ratios = [(after or before)[metric] / whole[metric] for metric in METRICS[2:]]
        print(f"{variant:<14}{''.join(f'{cell:>9}' for cell in cells)}{ratios[0]:>9.2f}{ratios[1]:>10.2f}{ratios[2]:>9.2f}", flush=True)


if __name__ == "__main__":
    main()
