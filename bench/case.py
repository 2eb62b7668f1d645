"""The measured case: a student of a third of the teacher's size beside it, and what each step from one to the
other brings.

python -m bench.case --teacher PATH --student PATH [--keep FOLDER]

`pipelines/calculator-qwen.yaml` is run with these two models; with --keep the workspace stays, and a second
run goes on from it. Accuracy is the share of the held-out tasks whose call gives the reference's result, or
that need no call and get none; the teacher is asked with examples and a schema, the student with the bare
question. Speed is measured apart from that, each model in a fresh process, the same bare questions, twice in
turn (`bench.alone`). `retention` is the student's accuracy over the teacher's; its lower end is the 2.5 %
quantile of a bootstrap over wordings, paired. Ends on one JSON object.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.alone import alone, in_turn
from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.run import Run
from factory.evaluate.candidate import Candidate, candidates
from factory.models.folder import inspect
from factory.recipe import load_recipe
from factory.store.store import Store
from factory.system.progress import Progress
from factory.workspace import Workspace

# What a model got right, by question and reference: a question may be put with several references.
Outcomes = dict[tuple[str, str], bool]

ROOT = Path(__file__).parents[1]
RESAMPLES = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", required=True, help="a folder or a name")
    parser.add_argument("--student", required=True, help="a folder or a name, of the teacher's family")
    parser.add_argument("--keep", type=Path, help="a folder for the workspace")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        models = _model(arguments.teacher), _model(arguments.student)
        whole = _recipe(folder / "case.json", *models)
        words = _recipe(folder / "vocabulary.json", *models, quantize=None)
        untrained = _recipe(folder / "untrained.json", models[1], models[1])
        cut = _run(words, folder / "work")["student_quantized"]
        found = _run(whole, folder / "work")
        found["vocabulary"] = cut
        folders = {role: candidate.folder for role, (candidate, _) in found.items()}
        answered = alone(untrained, folders["base"], "--examples")["right"]
        small = {(question, reference): right for question, reference, right in answered}
        speed = in_turn(whole, folders)
        _show({role: right for role, (_, right) in found.items()} | {"untrained": small}, speed, folders)


def _recipe(path: Path, teacher: str, student: str, **compress: Any) -> Path:
    recipe = load_recipe(ROOT / "pipelines" / "calculator-qwen.yaml").recipe.model_dump(
        mode="json", exclude_unset=True
    )
    recipe["teacher"]["model"], recipe["student"]["base"] = teacher, student
    recipe["data"] |= {key: str(ROOT / recipe["data"][key]) for key in ("seeds", "tools")}
    recipe["evaluate"] |= {"held_out": str(ROOT / recipe["evaluate"]["held_out"])}
    recipe["compress"] |= compress
    path.write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    return path


def _model(name: str) -> str:
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def _run(recipe: Path, workspace: Path) -> dict[str, tuple[Candidate, Outcomes]]:
    """Run the recipe; return each model that it compares, with what it got right."""
    command = [sys.executable, "-m", "factory.cli.main", "run", str(recipe), "-w", str(workspace)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    context = Plan(Run(load_recipe(recipe), Workspace(workspace), Progress()))
    found = {}
    with (
        context.run.workspace.lock(),
        Store(context.run.workspace.store, context.run.workspace.ledger) as store,
    ):
        for candidate in candidates(context, Lineage(context.run, store)):
            asked = [candidate.evaluation_id(context)]
            rows = store.query(
                "SELECT question, reference, right_answer FROM predictions WHERE evaluation_id = ?", asked
            )
            right = {(row["question"], row["reference"]): row["right_answer"] for row in rows}
            found[str(candidate.role)] = candidate, right
    return found


def _show(right: dict[str, Outcomes], speed: dict[str, float], folders: dict[str, Path]) -> None:
    tasks = sorted(right["teacher"])
    accuracy = {role: float(np.mean([answers[task] for task in tasks])) for role, answers in right.items()}
    size = {role: inspect(folders[role]).weight_bytes for role in speed}
    steps = [
        ("teacher, with examples", "teacher", "teacher"),
        ("size: untrained, with examples", "untrained", "base"),
        ("the same, the bare question", "base", "base"),
        ("fewer layers, distillation", "student", "student"),
        ("vocabulary", "vocabulary", "vocabulary"),
        ("INT8", "student_quantized", "student_quantized"),
    ]
    print(f"{'':<32}{'accuracy':>10}{'tokens/s':>10}{'times':>8}{'MB':>8}{'1/':>8}")
    for label, answers, model in steps:
        ratios = (
            f"{speed[model]:>10.0f}{speed[model] / speed['teacher']:>8.2f}"
            f"{size[model] / 1e6:>8.0f}{size['teacher'] / size[model]:>8.2f}"
        )
        print(f"{label:<32}{accuracy[answers]:>10.1%}{ratios}")
    kept = _retention(tasks, right["teacher"], right["student_quantized"])
    result = {
        "speed_ratio": speed["student_quantized"] / speed["teacher"],
        "memory_ratio": size["student_quantized"] / size["teacher"],
        "accuracy_teacher": accuracy["teacher"],
        "accuracy_student": accuracy["student_quantized"],
        "retention": accuracy["student_quantized"] / accuracy["teacher"],
        "retention_low": float(np.quantile(kept, 0.025)),
    }
    print(json.dumps({name: round(value, 4) for name, value in result.items()} | {"held_out": len(tasks)}))


def _retention(tasks: list[tuple[str, str]], teacher: Outcomes, student: Outcomes) -> np.ndarray:
    """Return the retention in each resample of the wordings (numbers masked), both models' answers drawn
    together."""
    wordings: dict[str, list[tuple[str, str]]] = {}
    for task in tasks:
        wordings.setdefault(re.sub(r"[0-9.]+", "#", task[0]), []).append(task)
    counts = np.array(
        [[sum(model[one] for one in alike) for model in (teacher, student)] for alike in wordings.values()],
        dtype=float,
    )
    chance = np.random.default_rng(0)
    sums = np.array(
        [counts[chance.integers(0, len(counts), len(counts))].sum(axis=0) for _ in range(RESAMPLES)]
    )
    return np.asarray(sums[:, 1] / sums[:, 0])


if __name__ == "__main__":
    main()
