"""Which parts of distillation help? Each follows the same fine-tuning, on the same data, with the same number
of steps in all.

python -m bench.ablation [--tasks calculator rationale] [--seeds 1 2 3] [--against VARIANT] [--keep FOLDER]
...

The tasks: the calculator of `pipelines/calculator.yaml`, and rationales of `bench.small_sums`, as the bundled
model gets hardly any of the seeds of `pipelines/rationale.yaml` right. For each seed the data is made anew
(other tasks, other draws). Every variant goes on from one fine-tuned adapter, but for `sft`, which is
fine-tuned for all the steps; each student answers the held-out tasks through vLLM. What is printed for a
variant is the mean accuracy over the seeds and its difference to `sft`, or another, with a 95 % interval: a
bootstrap over seeds, and within a seed over held-out tasks, paired (Efron and Tibshirani, 1993). With three
seeds it is wide, and honest. With --keep the workspaces stay, and a second run goes on from them. Ends on one
JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.small_sums import write
from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.run import Run
from factory.evaluate.candidate import candidates
from factory.recipe import load_recipe
from factory.store.store import Store
from factory.system.progress import Progress
from factory.workspace import Workspace

ROOT = Path(__file__).parents[1]
FIRST, THEN, BATCH, RATE = 40, 24, 8, 1e-3
RESAMPLES = 5000
VARIANTS: dict[str, dict[str, Any]] = {
    "sft": {},
    # Cross-entropy alone in a second stage: what the new beginning of the learning rate does by itself.
    "two_stages": {"teacher": "stored", "weight": 0.0},
    "topk_bucket": {"teacher": "stored", "tail": "bucket"},
    "topk_renormalize": {"teacher": "stored", "tail": "renormalize"},
    "topk_drop": {"teacher": "stored", "tail": "drop"},
    "whole": {"teacher": "cache"},
    "dynamic": {
        "teacher": "cache",
        "curriculum": [{"until": 0.4, "top_k": 5}, {"temperature": {"start": 1.0, "end": 2.0}}],
    },
    "hidden": {"teacher": "cache", "hidden": {"depths": [0.5, 1.0]}},
    "on_policy": {"teacher": "in_process", "on_policy": 0.5},
    "random_k": {"teacher": "cache", "random_k": 12},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--tasks", nargs="+", choices=("calculator", "rationale"), default=["calculator", "rationale"]
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument(
        "--against", choices=VARIANTS, default="sft", help="what the others are compared with"
    )
    parser.add_argument("--teacher", help="another model than the recipe's")
    parser.add_argument("--student", help="another model than the teacher's")
    parser.add_argument("--count", type=int, default=320, help="accepted samples of a seed")
    parser.add_argument("--keep", type=Path, help="a folder for the workspaces")
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        for task in arguments.tasks:
            right: dict[str, list[np.ndarray]] = {
                variant: [] for variant in dict.fromkeys([arguments.against, *arguments.variants])
            }
            for seed in arguments.seeds:
                for variant in right:
                    recipe = _recipe(task, seed, variant, arguments, folder)
                    right[variant].append(_outcomes(recipe, folder / f"{task}-{seed}"))
                    print(
                        (
                            f"{task}  seed {seed}  {variant:<17} "
                            f"{right[variant][-1].mean():6.1%} of {right[variant][-1].size}"
                        ),
                        flush=True,
                    )
            result[task] = {
                variant: _against(outcomes, right[arguments.against]) for variant, outcomes in right.items()
            }
            print(f"\n{task}, {len(arguments.seeds)} seeds")
            for variant, found in result[task].items():
                low, high = found["interval"]
                print(
                    (
                        f"{variant:<17} {found['accuracy']:6.1%}   "
                        f"{found['gain']:+6.1%} ({low:+.1%} to {high:+.1%})"
                    ),
                    flush=True,
                )
    print(json.dumps(result))


def _recipe(task: str, seed: int, variant: str, arguments: argparse.Namespace, folder: Path) -> Path:
    """Write the recipe of a variant; all of a seed ask for the same data and the same first adapter."""
    recipe = load_recipe(ROOT / "pipelines" / f"{task}.yaml").recipe.model_dump(
        mode="json", exclude_unset=True
    )
    settings = {
        "batch_size": BATCH,
        "learning_rate": RATE,
        "validation": None,  # the last student, of all rows
    }
    if VARIANTS[variant]:
        stages = [
            {"sft": settings | {"steps": FIRST}},
            {"distill": settings | VARIANTS[variant] | {"steps": THEN}},
        ]
    else:
        stages = [{"sft": settings | {"steps": FIRST + THEN}}]
    teacher = _model(arguments.teacher or recipe["teacher"]["model"])
    recipe |= {"seed": seed, "student": {"base": _model(arguments.student or teacher), "stages": stages}}
    recipe["teacher"]["model"] = teacher
    recipe["data"] |= {"count": arguments.count, "budget": {}}
    recipe["data"] |= {
        key: str(ROOT / recipe["data"][key]) for key in ("seeds", "tools") if key in recipe["data"]
    }
    recipe["evaluate"] |= {"held_out": str(ROOT / recipe["evaluate"]["held_out"])}
    if task == "rationale":
        seeds, held_out = write(folder / "small_sums")
        recipe["teacher"]["sampling"] = {"temperature": 0.5, "max_tokens": 64}
        recipe["data"] |= {"seeds": str(seeds), "samples_per_prompt": 2, "examples": 4}
        recipe["evaluate"] |= {"held_out": str(held_out), "max_tokens": 64}
    recipe.pop("compress", None)
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{task}-{seed}-{variant}.json"
    written.write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    return written


def _model(name: str) -> str:
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def _outcomes(recipe: Path, workspace: Path) -> np.ndarray:
    """Return for each held-out task, in a fixed order, whether the student's answer is right."""
    command = [sys.executable, "-m", "factory.cli.main", "run", str(recipe), "-w", str(workspace)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    context = Plan(Run(load_recipe(recipe), Workspace(workspace), Progress()))
    with (
        context.run.workspace.lock(),
        Store(context.run.workspace.store, context.run.workspace.ledger) as store,
    ):
        (student,) = (
            candidate
            for candidate in candidates(context, Lineage(context.run, store))
            if candidate.role == "student"
        )
        asked = [student.evaluation_id(context)]
        rows = store.query(
            "SELECT right_answer FROM predictions WHERE evaluation_id = ? ORDER BY task_id", asked
        )
    return np.array([row["right_answer"] for row in rows], dtype=float)


def _against(outcomes: list[np.ndarray], base: list[np.ndarray]) -> dict[str, Any]:
    """Return the mean accuracy over seeds, its gain over `base`, and the gain's interval."""
    gains = [each - other for each, other in zip(outcomes, base, strict=True)]
    chance = np.random.default_rng(0)
    means = []
    for _ in range(RESAMPLES):
        seeds = chance.integers(0, len(gains), len(gains))
        means.append(
            np.mean([gains[i][chance.integers(0, gains[i].size, gains[i].size)].mean() for i in seeds])
        )
    return {
        "accuracy": round(float(np.mean([each.mean() for each in outcomes])), 4),
        "by_seed": [round(float(each.mean()), 4) for each in outcomes],
        "gain": round(float(np.mean([each.mean() for each in gains])), 4),
        "interval": [round(float(np.quantile(means, share)), 4) for share in (0.025, 0.975)],
    }


if __name__ == "__main__":
    main()
