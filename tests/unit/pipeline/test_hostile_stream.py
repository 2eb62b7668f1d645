"""Everything that a teacher can say wrong, a hundred times each, put into a stream of good answers by the
public door.

Each is rejected with the reason that belongs to it, no good row is lost, and what was said of it is in the
store.
"""

import io
import itertools
import json
import resource
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from factory.checks.suite import CheckedSample
from factory.context.plan import Plan
from factory.context.run import Run
from factory.doctor import examine
from factory.generate.scheduler import Scheduler
from factory.generate.stage import generate
from factory.inference.storable import MAX_CHARACTERS
from factory.pipeline.entry import enter_run
from factory.recipe.load import load_recipe
from factory.system.progress import Progress
from factory.tasks.sample import Sample, Task
from factory.workspace import Workspace
from tests.support import hostile
from tests.support.mischief import HELD_OUT, MISCHIEF, REASON
from tests.support.sample_rows import open_store

EACH, GOOD, SEED = 100, 300, 4
DATA = Path(__file__).parents[3] / "data"
CHECKS = {
    "tool_call": "[schema, execution, finish_reason, degenerate, dedup, decontamination]",
    "rationale": "[schema, finish_reason, agreement, degenerate, judge, dedup, decontamination]",
    "instruction": "[schema, finish_reason, degenerate, length, {dedup: {threshold: 0.7}}, decontamination]",
}
# The seeds of a person may hold what looks like a template: it stays the text that it is.
INERT = ("{{ 7*7 }}", "{% for n in 83 %}", "{{ ''.__class__ }} 61")


class Nothing:
    """A pool in which nothing is accepted."""

    judged = 0

    def accepted(self, before: int) -> list[Sample]:
        return []


def seeds(kind: str, count: int) -> list[dict[str, Any]]:
    if kind == "instruction":
        return [
            {"id": f"s{place}", "instruction": f"Tell of {words}.", "output": "So."}
            for place, words in enumerate(hostile.words(count, 1))
        ]
    if kind == "rationale":
        return [
            {
                "id": f"s{number}",
                "question": (
                    f"A shop has {number} pears and buys {number + 7}. How many are there in the end?"
                ),
                "reference": str(2 * number + 7),
                "expression": f"{number} + {number + 7}",
            }
            for number in range(211, 219)
        ]
    sums = [
        (f"What is {number} + {number + 7}?", "calculator", {"expression": f"{number} + {number + 7}"})
        for number in range(211, 217)
    ]
    turned = [
        (f"Turn round: {text} 57 bees", "text_tool", {"operation": "reverse", "text": f"{text} 57 bees"})
        for text in INERT
    ]
    return [
        {"id": f"s{place}", "question": question, "reference": [[{"name": tool, "arguments": arguments}]]}
        for place, (question, tool, arguments) in enumerate(sums + turned)
    ]


def project(folder: Path, kind: str, count: int) -> Plan:
    write(folder / "seeds.jsonl", seeds(kind, count))
    write(folder / "held_out.jsonl", [HELD_OUT[kind]])
    (folder / "tools.json").write_bytes((DATA / "tools" / "tools.json").read_bytes())
    tools = ", tools: tools.json" if kind == "tool_call" else ""
    (folder / "recipe.yaml").write_text(
        "name: hostile\n"
        'teacher: {model: tiny, endpoints: ["http://127.0.0.1:9/v1"]}\n'
        f"data: {{kind: {kind}, seeds: seeds.jsonl, count: {count}, "
        f"examples: {2 if kind == 'instruction' else 0}{tools}}}\n"
        f"checks: {CHECKS[kind]}\n"
        "evaluate: {held_out: held_out.jsonl}\n"
    )
    (folder / "work").mkdir()
    return Plan(Run(load_recipe(folder / "recipe.yaml"), Workspace(folder / "work"), Progress(io.StringIO())))


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def play(
    context: Plan, kind: str, mixed: list[tuple[str | None, int]]
) -> tuple[list[hostile.Part], hostile.Teacher]:
    """Return the parts in the order of the plan, and a teacher that plays them."""
    if kind == "instruction":
        found = hostile.parts(kind, hostile.words(len(mixed), 2), mixed)
        return found, hostile.Teacher(hostile.by_proposal(found))
    tasks = [
        task
        for task in itertools.islice(context.taskset.tasks(Nothing()), len(mixed))
        if isinstance(task, Task)
    ]
    found = hostile.parts(kind, tasks, mixed)
    return found, hostile.Teacher(hostile.by_question(tasks, found))


def test_every_fault_is_put_in_and_has_a_reason_of_its_own() -> None:
    assert len(set(REASON.values())) == len(REASON) == 17
    assert {name for kind in MISCHIEF.values() for name in kind} == set(REASON)
    for kind in MISCHIEF.values():
        for name, mischief in kind.items():
            for number in range(EACH):
                known = {reason for _, reason in mischief.reasons(number)} & set(REASON.values())
                assert known == {REASON[name]}


def _told(reasons: set[tuple[str, str]]) -> set[tuple[str, str]]:
    unread = any(check == "schema" for check, _ in reasons)
    return {(check, reason) for check, reason in reasons if not unread or check != "degenerate"}


@pytest.mark.parametrize("kind", MISCHIEF)
def test_each_is_rejected_with_its_own_reason_and_nothing_else_is_lost(kind: str, tmp_path: Path) -> None:
    mixed = hostile.names(kind, EACH, GOOD, SEED)
    context = project(tmp_path, kind, len(mixed))
    parts, teacher = play(context, kind, mixed)
    assert Counter(part.name for part in parts) == {None: GOOD, **dict.fromkeys(MISCHIEF[kind], EACH)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_store(context.run.workspace) as store:
        enter_run(context, store, "test")
        generate(context, store, teacher, most_tasks=len(mixed))
        # A hundred times 10 MB went through; ru_maxrss counts kilobytes.
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000
        reasons: dict[int, set[tuple[str, str]]] = {}
        # To `degenerate` what could not be read is any text: it may have something of its own to say of it.
        for row in store.query("SELECT position, check_name, reason FROM rejected"):
            reasons.setdefault(row["position"], set()).add((row["check_name"], row["reason"]))
        assert {place: _told(found) for place, found in reasons.items()} == {
            place: _told(part.reasons) for place, part in enumerate(parts) if part.name
        }
        accepted = store.query("SELECT position, messages, result FROM training_set ORDER BY position")
        assert [row["position"] for row in accepted] == [
            place for place, part in enumerate(parts) if part.name is None
        ]
        checks = context.suite().keys
        rows = store.query(
            "SELECT count(*) AS verdicts FROM current_samples JOIN verdicts USING (sample_id) "
            "GROUP BY sample_id"
        )
        assert Counter(row["verdicts"] for row in rows) == {len(checks): len(mixed)}
        # What a server sent is kept as far as anyone could want to read it.
        (longest,) = store.query(
            "SELECT max(length(text)) AS text, count(*) FILTER (text LIKE '%[cut here: %') AS cut "
            "FROM generations"
        )
        assert longest == {"text": MAX_CHARACTERS, "cut": EACH}
        if kind == "tool_call":
            _require_inert(accepted)
        # What is judged again, from the store alone, is judged the same.
        judged: list[CheckedSample] = []
        scheduler = Scheduler(
            context, store, context.suite(), lambda update: judged.extend(update.judged), asking=False
        )
        assert list(scheduler.open_requests()) == []
        again = {
            (row["sample_id"], row["check_key"], row["reason"]) for one in judged for row in one.verdicts
        }
        stored = store.query("SELECT sample_id, check_key, reason FROM verdicts")
        assert again == {(row["sample_id"], row["check_key"], row["reason"]) for row in stored}
    assert [finding.what for finding in examine(context.run.workspace) if finding.state == "fault"] == []
    assert context.run.workspace.store.stat().st_size < 100_000_000


def _require_inert(accepted: list[dict[str, Any]]) -> None:
    """Every template that stands in a seed is in the sample as it was written, and so is what the tool made
    of it."""
    turned = [json.loads(row["messages"]) for row in accepted if "Turn round: " in row["messages"]]
    assert len(turned) > 10
    for question, _, result, *_ in turned:
        text = question["content"].removeprefix("Turn round: ")
        assert text[:2] in ("{{", "{%")
        assert result["content"] == text[::-1]
