"""The jobs that people bring, each from an empty workspace to the report: labels, fields, instructions,
rationales, tool calls, functions, a mixture.

python -m bench.jobs [--teacher PATH --student PATH] [--only NAME ...] [--keep FOLDER]

Each recipe of `pipelines/` that is a job is run with these models, the bundled ones where none are named;
with --keep the workspaces stay, and a second run goes on from them: `seconds` are those of all the runs that
a workspace has seen. The figure is the recipe's first of `METRICS` that was measured, by SQL from its store,
the student's with its 95 % interval. A job that fails is a row with its reason, and the exit code is 1 at the
end. Ends on one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import yaml

ROOT = Path(__file__).parents[1]
JOBS = ("labels", "extract", "instruction", "rationale", "tools", "functions", "assistant")
# The main figure of a job: the share of answers that are right; of instructions the share that a judge
# prefers, and where no judge was asked, how likely people's answers are.
METRICS = ("answer_accuracy", "preferred", "perplexity")
ROLES = {
    "teacher": "teacher",
    "base": "base",
    "student": "student",
    "student_quantized": "student_compressed",
}
SECONDS = "seconds.json"  # in a workspace: what earlier runs took
FIGURES = """
    SELECT role, metric, value, low, high FROM evaluations
    WHERE list_contains($metrics, metric)
    QUALIFY row_number() OVER (PARTITION BY role, metric ORDER BY batch DESC) = 1
"""
Job = dict[str, Any]
Runner = Callable[[Path, Path], None]


class JobFailed(Exception):
    """A run that ended without a report; the text says why."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", help="a folder or a name")
    parser.add_argument("--student", help="a folder or a name")
    parser.add_argument("--only", nargs="+", choices=JOBS, default=JOBS, help="these jobs and no others")
    parser.add_argument("--keep", type=Path, help="a folder for the workspaces")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        jobs = run_jobs(folder, arguments.only, arguments.teacher, arguments.student)
    show(jobs)
    sys.exit(1 if any("reason" in job for job in jobs) else 0)


def run_jobs(
    folder: Path,
    names: tuple[str, ...] | list[str],
    teacher: str | None = None,
    student: str | None = None,
    run: Runner | None = None,
) -> list[Job]:
    """Run each job that has a recipe and return its row; `run` carries a recipe out in a workspace."""
    found = [name for name in names if (ROOT / "pipelines" / f"{name}.yaml").is_file()]
    jobs = []
    for name in found:
        workspace = folder / name
        workspace.mkdir(parents=True, exist_ok=True)
        recipe = _recipe(name, workspace / f"{name}.json", teacher, student)
        started = time.monotonic()
        job: Job = {"name": name}
        try:
            (run or _run)(recipe, workspace)
            job |= figures(workspace / "factory.duckdb")
        except (JobFailed, duckdb.Error) as error:
            job["reason"] = str(error)
        jobs.append(job | {"seconds": _seconds(workspace, time.monotonic() - started)})
    return jobs


def figures(store: Path) -> Job:
    """Return the main figure of each model in a store, as it was measured last."""
    with duckdb.connect(str(store), read_only=True) as connection:
        rows = connection.execute(FIGURES, {"metrics": list(METRICS)}).fetchall()
    measured = {(role, metric): numbers for role, metric, *numbers in rows}
    main = next((metric for metric in METRICS if ("student", metric) in measured), None)
    if main is None:
        raise JobFailed(f"no student was measured by {', '.join(METRICS)}")
    value = {called: measured.get((role, main), [None])[0] for role, called in ROLES.items()}
    _, low, high = measured["student", main]
    return {"metric": main} | value | {"student_low": low, "student_high": high}


def show(jobs: list[Job]) -> None:
    """Print the jobs as a table, and as one JSON object."""
    columns = [*ROLES.values(), "student_low", "student_high"]
    print(
        f"{'':<12}{'metric':<18}" + "".join(f"{name.replace('_', ' '):>20}" for name in columns) + f"{'s':>8}"
    )
    for job in jobs:
        if "reason" in job:
            print(f"{job['name']:<12}failed: {job['reason']}")
            continue
        shown = "".join(f"{'-' if job[name] is None else f'{job[name]:.3f}':>20}" for name in columns)
        print(f"{job['name']:<12}{job['metric']:<18}{shown}{job['seconds']:>8.0f}")
    empty = dict.fromkeys(["name", "metric", *columns, "seconds"])
    rounded = [
        {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in (empty | job).items()
        }
        for job in jobs
    ]
    print(json.dumps({"jobs": rounded}))


def _recipe(name: str, path: Path, teacher: str | None, student: str | None) -> Path:
    """Write a job's recipe with other models, if there are any, and its files by their whole paths."""
    recipe = yaml.safe_load((ROOT / "pipelines" / f"{name}.yaml").read_text(encoding="utf-8"))
    if teacher:
        recipe["teacher"]["model"] = _model(teacher)
    if student and "student" in recipe:
        recipe["student"]["base"] = _model(student)
    path.write_text(json.dumps(_whole(recipe), indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    is_file = isinstance(value, str) and value.startswith("data/") and (ROOT / value).exists()
    return str(ROOT / value) if is_file else value


def _model(name: str) -> str:
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def _run(recipe: Path, workspace: Path) -> None:
    command = [sys.executable, "-m", "factory.cli.main", "run", str(recipe), "-w", str(workspace)]
    with subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = [""]
        for line in process.stderr:
            sys.stderr.write(line)
            said += [line.strip()] if line.strip() else []
    if process.returncode:
        error = next((line for line in reversed(said) if line.startswith("error:")), said[-1])
        raise JobFailed(f"exit code {process.returncode}: {error.removeprefix('error: ')}")


def _seconds(workspace: Path, now: float) -> float:
    path = workspace / SECONDS
    before = json.loads(path.read_text()) if path.is_file() else 0.0
    path.write_text(json.dumps(before + now))
    return float(before + now)


if __name__ == "__main__":
    main()
