"""Two runs side by side: what changed in the recipe, in the counts, in the accuracy.

Promise: accuracies of two models are only set against each other by McNemar's exact test on the tasks that
both answered: how many one of them alone got right. Intervals of each are beside it. Where no task is
shared, nothing is claimed. The other run is known by its `report.json`: no second store is opened. Source:
McNemar, Note on the sampling error of the difference between correlated proportions, 1947; exact form:
binomial, two-sided.
"""

import difflib
import json
import math
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from factory.errors import InputError
from factory.report.comparison import Changed, Comparison, Outcome, Pair, Versus
from factory.report.earlier import upgraded
from factory.report.model import Report
from factory.report.part import Role


def find_report(named: str, reports: Path) -> Report:
    """Return the report of another workspace, of a `report.json`, or of an earlier run of this workspace by
    the first of its id.

    Raises InputError if there is none, or more than one, or if the file is no report.
    """
    place = Path(named)
    if place.is_dir():
        path = place / "reports" / "report.json"
    elif place.is_file():
        path = place
    else:
        found = (
            sorted(reports.glob(f"run-{named.removeprefix('b2:')[:16]}*.json"))
            if named.isalnum() or named.startswith("b2:")
            else []
        )
        if len(found) > 1:
            raise InputError(
                f"--against {named} is ambiguous: {len(found)} runs start with it", "Give more of the id."
            )
        if not found:
            there = (
                ", ".join(sorted(path.stem.removeprefix("run-") for path in reports.glob("run-*.json")))
                or "none"
            )
            raise InputError(
                f"--against {named} is neither a workspace, nor a report.json, nor an earlier run "
                f"(with a report here: {there})",
                "SELECT run_id, started_at, command FROM runs shows the runs.",
            )
        (path,) = found
    try:
        return Report.model_validate(upgraded(json.loads(path.read_bytes())))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", "Make it with: factory report RECIPE -w DIR"
        ) from None
    except (ValueError, LookupError, TypeError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise InputError(
            f"{path} is no report of this factory: {why}", "Make it again: factory report"
        ) from None


def compare(here: Report, other: Report) -> Comparison:
    """Return what changed from the other run to this one."""
    return Comparison(
        name=other.name,
        created=other.created,
        recipe=_diff(other.recipe, here.recipe),
        changed=_changed(here, other),
        pairs=_pairs(here, other),
    )


def mcnemar(only_one: int, only_other: int) -> float:
    """Return the two-sided exact p of `only_one` against `only_other` discordant pairs; 1 where there are
    none."""
    n = only_one + only_other
    if not n:
        return 1.0
    tail = sum(math.comb(n, k) for k in range(min(only_one, only_other) + 1))
    return min(1.0, 2 * tail / 2**n)


# Each student against what it was made from, and against its teacher.
_VERSUS: tuple[tuple[Role, Role], ...] = (
    ("student", "teacher"),
    ("student_quantized", "teacher"),
    ("student_quantized", "student"),
    ("student_recovered", "teacher"),
    ("student_recovered", "student"),
    ("student_recovered", "student_quantized"),
)


def head_to_head(outcomes: list[Outcome]) -> list[Versus]:
    """Return the models of one run two by two, where both answered some of the same tasks."""
    right = {one.role: one.right for one in outcomes}
    found = []
    for one, other in _VERSUS:
        shared = right.get(one, {}).keys() & right.get(other, {}).keys()
        if shared:
            alone = sum(right[one][task] and not right[other][task] for task in shared)
            others = sum(right[other][task] and not right[one][task] for task in shared)
            found.append(
                Versus(
                    one=one,
                    other=other,
                    shared=len(shared),
                    only_one=alone,
                    only_other=others,
                    p=mcnemar(alone, others),
                )
            )
    return found


def _diff(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "now", lineterm="", n=1)
    return [line for line in lines if not line.startswith(("---", "+++"))][:200]


def _changed(here: Report, other: Report) -> list[Changed]:
    rows: list[tuple[str, Any, Any]] = [
        ("asked for", other.yield_.asked, here.yield_.asked),
        ("answered", other.yield_.answered, here.yield_.answered),
        ("accepted", other.yield_.accepted, here.yield_.accepted),
        ("edited by a person", other.yield_.edited, here.yield_.edited),
    ]
    steps = [
        {str(row[0]): row[1] for row in table.rows} if (table := report.table("funnel")) else {}
        for report in (other, here)
    ]
    ends = ("asked for", "answered", "in the training set")
    checks = [step for step in dict.fromkeys([*steps[0], *steps[1]]) if step not in ends]
    rows += [
        (f"left after {step}", _whole(steps[0].get(step)), _whole(steps[1].get(step))) for step in checks
    ]
    pedigree = [
        (name, other.pedigree.get(name), here.pedigree.get(name))
        for name in sorted({*here.pedigree, *other.pedigree})
    ]
    versions = [
        (name, other.versions.get(name), here.versions.get(name))
        for name in sorted({*here.versions, *other.versions})
    ]
    machine = [("processor", other.machine.cpu, here.machine.cpu)]
    differing = [row for row in [*pedigree, *versions, *machine] if row[1] != row[2]]
    return [Changed(what=what, before=before, now=now) for what, before, now in [*rows, *differing]]


def _whole(value: str | int | float | bool | None) -> int | None:
    return value if isinstance(value, int) else None


def _pairs(here: Report, other: Report) -> list[Pair]:
    pairs = []
    for role in get_args(Role):
        before, now = other.measured(role), here.measured(role)
        if before is None or now is None:
            continue
        outcomes = [
            {one.role: one.right for one in report.outcomes}.get(role, {}) for report in (other, here)
        ]
        shared = sorted(set(outcomes[0]) & set(outcomes[1]))
        only_before = sum(outcomes[0][task] and not outcomes[1][task] for task in shared)
        only_now = sum(outcomes[1][task] and not outcomes[0][task] for task in shared)
        p = mcnemar(only_before, only_now) if shared else None
        pairs.append(
            Pair(
                role=role,
                before=before,
                now=now,
                shared=len(shared),
                only_before=only_before,
                only_now=only_now,
                p=p,
            )
        )
    return pairs
