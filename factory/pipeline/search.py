"""`factory search`: trial after trial through the same stages as `factory run`, in the same workspace.

Promise: every trial is in the store (`trials`) with a whole recipe that makes the same student; a search that
was interrupted resumes with the next trial, and what a trial shares with an earlier one (data, adapter,
figures) is not made again. A trial whose stages fail is entered with its reason, the next is tried, and the
same command tries it again under a new number; what is no trial's fault, as a full disk, ends the search.
Everything that can be checked is checked for each value before the first model loads.
"""

import json
import time
from dataclasses import replace
from typing import Any

import yaml

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.errors import InputError
from factory.evaluate.candidate import candidates, main_metric
from factory.models.bundled import BUNDLED
from factory.pipeline.child import ChildFailed
from factory.pipeline.loop import require_its_workspace, run
from factory.pipeline.preflight import preflight
from factory.recipe import load_recipe
from factory.recipe.search import Search, chosen
from factory.search.frontier import Point
from factory.search.study import Choice, Study
from factory.search.trials import label, over, points, search_id, teacher_accuracy, trial_file
from factory.store.store import Store
from factory.system.progress import duration
from factory.tasks.kind import PREFERRED

DATA = ("generate", "check")
TRIAL = (*DATA, "distill", "compress", "evaluate")


def search(plan: Plan, command: str) -> int:
    """Try combinations until the recipe's trials are done or none is left; return how many new ones were
    tried."""
    settings = plan.run.loaded.recipe.search
    if settings is None:
        raise InputError(
            f"{plan.run.loaded.path}: the recipe has no search",
            "Write what can be chosen: search: {quantize: [none, w4a16]}",
        )
    # Before a trial's recipe is written there.
    if plan.run.workspace.store.exists():
        with plan.run.workspace.lock():
            require_its_workspace(plan)
    plain = _whole(plan)
    _check_each(plan, plain, settings)
    study = Study(settings.space, plan.run.loaded.recipe.seed)
    done, last, teacher = _done(plan)
    for earlier, point in done:
        study.tell(earlier, *_observed(point, settings, teacher))
    tried = 0
    while len(done) + tried < settings.trials and (choice := study.ask()) is not None:
        tried += 1
        plan.run.progress.say(f"trial {len(done) + tried} of {settings.trials}: {label(choice)}")
        if last + tried == 1:
            # No choice changes the data: what goes wrong there ends the search.
            run(_trial(plan, plain, choice, "trial-001"), DATA, command)
        new, teacher = _try(plan, plain, choice, last + tried, command)
        study.tell(choice, *_observed(new, settings, teacher))
        plan.run.progress.say(f"  {_summary(new, main_metric(plan))}")
    return tried


def _whole(plan: Plan) -> dict[str, Any]:
    """Return the recipe as plain values whose paths are absolute, so that what is made of it can lie
    anywhere."""
    plain = plan.run.loaded.recipe.model_dump(mode="json", exclude_unset=True)
    sources = plain["data"] if isinstance(plain["data"], list) else [plain["data"]]
    holders: list[tuple[dict[str, Any], str]] = [(plain["evaluate"], "held_out"), (plain["student"], "base")]
    for source in sources:
        holders += [(source, key) for key in ("seeds", "tools", "schema", "held_out")]
        holders.append((source.get("custom_tools") or {}, "python"))
    if not plain["teacher"].get("endpoints"):
        holders.append((plain["teacher"], "model"))
    for holder, key in holders:
        if (written := holder.get(key)) is not None and written not in BUNDLED:
            holder[key] = _absolute(plan, written)
    return plain


def _absolute(plan: Plan, written: str) -> str:
    try:
        return str(plan.run.loaded.resolve(written).resolve())
    except InputError:
        # A hub id.
        return written


def _trial(plan: Plan, plain: dict[str, Any], choice: Choice, name: str) -> Plan:
    """Return the plan of a trial, whose recipe is written below the workspace."""
    path = plan.run.workspace.root / trial_file(plan, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    about = f"# {label(choice)}\n# factory run {path.name} -w DIR\n"
    path.write_text(
        about + yaml.safe_dump(chosen(plain, choice), sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    return Plan(replace(plan.run, loaded=load_recipe(path)))


def _check_each(plan: Plan, plain: dict[str, Any], settings: Search) -> None:
    """Check every value by itself; a fault of a combination is reported by its trial."""
    for name, values in settings.space.items():
        for value in values:
            try:
                preflight(_trial(plan, plain, {name: value}, "check"), TRIAL)
            except InputError as error:
                raise InputError(f"{plan.run.loaded.path}: search.{name}: {value}: {error}") from None
    (plan.run.workspace.root / trial_file(plan, "check")).unlink(missing_ok=True)


def _try(
    plan: Plan, plain: dict[str, Any], choice: Choice, number: int, command: str
) -> tuple[Point | None, float | None]:
    """Run one trial, enter it, and return what came out of it, with the teacher's accuracy."""
    started, failure, trial, name = time.monotonic(), None, None, f"trial-{number:03}"
    try:
        trial = _trial(plan, plain, choice, name)
        run(trial, TRIAL, command)
    except (InputError, ChildFailed) as error:
        failure = str(error) or "a stage failed: its log says why"
        plan.run.progress.say(
            f"  trial {number} failed after {duration(time.monotonic() - started)}: {failure}"
        )
    with plan.run.workspace.lock(), Store(plan.run.workspace.store, plan.run.workspace.ledger) as store:
        made = candidates(trial, Lineage(trial.run, store))[-1] if trial and failure is None else None
        store.commit(
            trials=[
                {
                    "search_id": search_id(plan),
                    "number": number,
                    "choice": choice,
                    "recipe_text": (plan.run.workspace.root / trial_file(plan, name)).read_text(
                        encoding="utf-8"
                    ),
                    "artifact_id": made.artifact_id if made else None,
                    "evaluation_id": made.evaluation_id(trial) if made and trial else None,
                    "failure": failure,
                    "seconds": time.monotonic() - started,
                }
            ]
        )
        return next(
            (point for point in points(plan, store) if point.number == number), None
        ), teacher_accuracy(plan, store)


def _done(plan: Plan) -> tuple[list[tuple[Choice, Point | None]], int, float | None]:
    """Return the earlier trials that finished, the number of the last of all, and the teacher's
    accuracy."""
    if not plan.run.workspace.store.exists():
        return [], 0, None
    with plan.run.workspace.lock(), Store(plan.run.workspace.store, plan.run.workspace.ledger) as store:
        known = {point.number: point for point in points(plan, store)}
        rows = store.query(
            "SELECT number, choice, failure FROM trials WHERE search_id = ? ORDER BY number",
            [search_id(plan)],
        )
        ended = [
            (json.loads(row["choice"]), known.get(row["number"])) for row in rows if row["failure"] is None
        ]
        return ended, max((row["number"] for row in rows), default=0), teacher_accuracy(plan, store)


def _observed(
    point: Point | None, settings: Search, teacher: float | None
) -> tuple[tuple[float, float, float] | None, dict[str, float]]:
    if point is None:
        return None, {}
    return (point.accuracy, point.weight_bytes, point.latency_s), over(point, settings, teacher)


def _summary(point: Point | None, main: str) -> str:
    if point is None:
        return "no figures"
    within = "" if point.fits else ", above a limit"
    size, latency = f"{point.weight_bytes / 1e6:.0f} MB", f"{point.latency_s * 1000:.0f} ms"
    word = "preferred" if main == PREFERRED else "right"
    return f"{point.accuracy:.1%} {word}, {size}, {latency} for 32 tokens{within}"
