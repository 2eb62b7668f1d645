"""An edit goes through the recipe's checks before it is stored; a person may overrule them, and both are
kept."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.context.plan import Plan
from factory.errors import InputError
from factory.generate.stage import generate
from factory.report.build import build_report
from factory.review.judging import EditJudge
from factory.review.verdicts import Overruled, Verdicts
from factory.store.store import Store
from tests.support.conversations import plain
from tests.support.export_stores import export_to
from tests.support.functions import LAMP, call, row
from tests.support.labelled import MAILS, NOTES, extract_project, label_project
from tests.support.scripted import (
    HEAD,
    Model,
    Say,
    load,
    opened,
    own_tool,
    project,
    proposing,
    reasoning,
    write,
)
from tests.support.scripted import call as sum_call

CHECKS = "checks: [schema, execution, degenerate, dedup]\n"


class Case:
    """A small project whose samples are there, and what people do with them."""

    def __init__(self, folder: Path, say: Say | None):
        self.plan: Plan = load(folder)
        with opened(self.plan) as store:
            generate(self.plan, store, Model(say) if say else lambda: None)
        self.verdicts = Verdicts(self.plan.run.workspace)

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        workspace = self.plan.run.workspace
        with Store(workspace.store, workspace.ledger) as store:
            return store.query(sql, [*values])

    def sample(self, like: str) -> str:
        """Return the id of the first sample whose question or messages hold a text."""
        where = "contains(concat(question, messages::VARCHAR), ?)"
        return str(
            self.rows(f"SELECT sample_id FROM current_samples WHERE {where} ORDER BY position", like)[0][
                "sample_id"
            ]
        )

    def sums(self) -> list[tuple[str, int, int]]:
        """Return each sample of a sum with its two numbers, in order."""
        found = self.rows("SELECT sample_id, question FROM current_samples ORDER BY position")
        numbers = [[int(number) for number in re.findall(r"\d+", row["question"])] for row in found]
        return [(row["sample_id"], one, other) for row, (one, other) in zip(found, numbers, strict=True)]

    def refused(self, sample: str, **changes: str) -> dict[str, str]:
        """Return the checks that reject an edit, each with its reason; nothing is stored."""
        before = self.rows("SELECT count(*) AS n FROM samples")
        with pytest.raises(Overruled) as told:
            self.verdicts.edit(sample, changes)
        assert self.rows("SELECT count(*) AS n FROM samples") == before
        return {one["check_name"]: one["reason"] for one in told.value.judged.failed}

    def said(self, sample: str) -> dict[str, str]:
        """Return what checks and people say of a stored sample."""
        sql = "SELECT check_name, reason FROM verdicts WHERE sample_id = ?"
        return {one["check_name"]: one["reason"] for one in self.rows(sql, sample)}


def sums(folder: Path, *more: str) -> Case:
    project(folder, "tool_call", "count: 6", *more, more=CHECKS)
    return Case(folder, sum_call)


def expression(text: str) -> str:
    return json.dumps({"name": "calculator", "arguments": {"expression": text}})


def test_a_changed_question_with_the_old_call_is_told_and_may_be_overruled(tmp_path: Path) -> None:
    case = sums(tmp_path)
    sample, one, other = case.sums()[0]
    assert case.refused(sample, question="What is 912 + 18?") == {"edit": "old_answer"}
    assert case.refused(sample, question="What is 912 + 18?", call=expression("912 + 18")) == {
        "execution": "wrong_result",
        "edit": "old_reference",
    }
    new = case.verdicts.edit(sample, {"question": f"How much is {one} + {other}?"}, ["edit"])
    assert case.said(new) == {
        "schema": "ok", "execution": "ok", "degenerate": "ok", "dedup": "ok", "edit": "old_answer",
        "person": "ok",
    }  # fmt: skip
    (person,) = case.rows(
        "SELECT detail, judged_at FROM verdicts WHERE sample_id = ? AND check_name = 'person'", new
    )
    assert person["detail"] == "overrules edit (old_answer)" and person["judged_at"]
    (decided,) = case.rows("SELECT accepted, decided_by FROM decisions WHERE sample_id = ?", new)
    assert decided == {"accepted": True, "decided_by": "person"}


def test_a_call_that_disagrees_with_its_reference_is_told_and_the_reference_can_be_corrected(
    tmp_path: Path,
) -> None:
    case = sums(tmp_path)
    sample, *_ = case.sums()[0]
    wrong = {"question": "What is 5.6 + 5.3?", "call": expression("11"), "reference": "5.6 + 5.3"}
    assert case.refused(sample, **wrong) == {"execution": "wrong_result"}
    new = case.verdicts.edit(sample, wrong | {"call": expression("5.6 + 5.3")})
    (stored,) = case.rows(
        "SELECT question, reference, result, task_id, origins FROM samples WHERE sample_id = ?", new
    )
    (before,) = case.rows("SELECT task_id FROM samples WHERE sample_id = ?", sample)
    assert (stored["reference"], stored["result"]) == ("5.6 + 5.3", "10.9")
    assert stored["task_id"] != before["task_id"]
    assert [one["by"] for one in json.loads(stored["origins"])] == ["person", "person"]
    # The checks stand beside it under the names that the run has for them.
    (kept,) = case.rows("SELECT verdicts FROM training_set WHERE sample_id = ?", new)
    assert {one["check"] for one in kept["verdicts"]} == {
        "schema", "execution", "degenerate", "dedup", "person",
    }  # fmt: skip


def test_an_edit_that_repeats_a_kept_sample_or_a_held_out_task_is_told(tmp_path: Path) -> None:
    more = "checks: [schema, execution, dedup, decontamination]\nevaluate: {held_out: held_out.jsonl}\n"
    project(tmp_path, "tool_call", "count: 6", more=more)
    write(tmp_path / "held_out.jsonl", [{"id": "h", "question": "What is 91 + 92?", "reference": "91 + 92"}])
    case = Case(tmp_path, sum_call)
    (sample, *_), (_, one, other), *_ = case.sums()
    same = {
        "question": f"What is {one} + {other}?",
        "call": expression(f"{one} + {other}"),
        "reference": f"{one} + {other}",
    }
    assert case.refused(sample, **same) == {"dedup": "duplicate"}
    leak = {"question": "What is 91 + 92?", "call": expression("91 + 92"), "reference": "91 + 92"}
    assert case.refused(sample, **leak) == {"decontamination": "held_out_leak"}


def test_tools_of_the_persons_own_are_carried_out_in_their_sandbox(tmp_path: Path) -> None:
    own_tool(tmp_path)
    case = Case(
        tmp_path,
        lambda request: json.dumps(
            {"name": "twice", "arguments": {"number": request.messages[-1]["content"].split()[-1][:-1]}}
        ),
    )
    sample = case.sample("twice")
    other = json.dumps({"name": "twice", "arguments": {"number": "4500"}})
    assert case.refused(sample, call=other) == {"execution": "wrong_result"}
    new = case.verdicts.edit(sample, {"question": "Double 4500.", "call": other, "reference": "4500"})
    assert case.rows("SELECT result FROM samples WHERE sample_id = ?", new) == [{"result": "9000"}]
    (tmp_path / "own.py").unlink()
    with pytest.raises(InputError, match="twice is a tool of your own"):
        Verdicts(case.plan.run.workspace).edit(new, {"call": json.dumps({"name": "twice", "arguments": {}})})


def functions(folder: Path) -> Case:
    write(folder / "seeds.jsonl", [
        row("Light in the hall.", [LAMP], call("switch_lamp", room="hall", on=True)),
        row("Light in the attic.", [LAMP], call("switch_lamp", room="attic", on=True)),
    ])  # fmt: skip
    data = "data: {kind: function_call, seeds: seeds.jsonl, count: 2, examples: 1}\n"
    (folder / "recipe.yaml").write_text(HEAD + data)
    said = {"Light in the hall.": "hall", "Light in the attic.": "attic"}
    return Case(
        folder,
        lambda request: json.dumps(
            [call("switch_lamp", room=said[request.messages[-1]["content"]], on=True)]
        ),
    )


def labels(folder: Path) -> Case:
    label_project(folder, "count: 6")
    known = {text: label for _, text, label in MAILS}
    return Case(folder, lambda request: json.dumps(known[request.messages[-1]["content"]]))


def fields(folder: Path) -> Case:
    extract_project(folder, "count: 3")
    known = dict(NOTES)
    return Case(folder, lambda request: json.dumps(known[request.messages[-1]["content"]]))


def rationales(folder: Path) -> Case:
    project(folder, "rationale", "count: 6", more="checks: [schema, agreement]\n")
    return Case(folder, reasoning)


def unchecked(folder: Path) -> Case:
    """Rationales of a recipe that compares nothing with a reference."""
    project(folder, "rationale", "count: 6", more="checks: [schema]\n")
    return Case(folder, reasoning)


def instructions(folder: Path) -> Case:
    more = "checks: [schema, {length: {min_words: 2}}, {dedup: {threshold: 0.7}}]\n"
    project(folder, "instruction", "count: 3", more=more)
    return Case(folder, proposing)


def conversations(folder: Path) -> Case:
    write(folder / "seeds.jsonl", [plain("bells"), plain("locks")])
    data = "data: {kind: labelled, seeds: seeds.jsonl, count: 9}\nchecks: [schema, degenerate, dedup]\n"
    (folder / "recipe.yaml").write_text(HEAD + data)
    return Case(folder, None)


LIGHT = json.dumps([[call("switch_lamp", room="cellar", on=True)]])
TALK = [
    {"role": "user", "content": "Do you sell bells?"},
    {"role": "assistant", "content": "I cannot help with that."},
]
EDITS: list[tuple[Callable[[Path], Case], str, dict[str, str], dict[str, str], dict[str, str]]] = [
    (functions, "hall", {"call": LIGHT}, {"agreement": "wrong_answer"},
     {"question": "Light in the cellar.", "reference": LIGHT}),
    (labels, MAILS[0][1], {"answer": "card"}, {"agreement": "wrong_answer"}, {"reference": "card"}),
    (fields, NOTES[0][0], {"answer": '{"place": "Ulm"}'}, {"agreement": "wrong_answer"},
     {"reference": '{"place": "Ulm"}'}),
    (rationales, "pears", {"answer": "99999"}, {"agreement": "wrong_answer"}, {"reference": "99999"}),
    (unchecked, "pears", {"answer": "99999"}, {"edit": "wrong_answer"}, {"reference": "99999.0"}),
    (instructions, "Explain", {"answer": "No."}, {"length": "too_short"}, {"answer": "No, not that."}),
    (conversations, "bells", {"messages": json.dumps(TALK)}, {"degenerate": "refusal"},
     {"messages": json.dumps([TALK[0], {"role": "assistant", "content": "Yes, in two sizes."}])}),
]  # fmt: skip


@pytest.mark.parametrize(("make", "like", "changes", "failed", "mended"), EDITS)
def test_every_kind_is_judged_and_can_be_put_right(
    tmp_path: Path,
    make: Callable[[Path], Case],
    like: str,
    changes: dict[str, str],
    failed: dict[str, str],
    mended: dict[str, str],
) -> None:
    case = make(tmp_path)
    sample = case.sample(like)
    assert case.refused(sample, **changes) == failed
    new = case.verdicts.edit(sample, changes | mended)
    assert set(case.said(new).values()) == {"ok"}
    assert case.rows("SELECT accepted FROM decisions WHERE sample_id = ?", new) == [{"accepted": True}]


@pytest.mark.parametrize(
    ("make", "reference", "why"),
    [
        (labels, "umbrella", "none of the labels: billing"),
        (fields, '{"hour": 5}', "'place' is a required property"),
        (functions, '[[{"name": "shell", "arguments": {}}]]', "calls shell"),
        (functions, '[[{"name": "switch_lamp"}]]', "no step of calls"),
        (functions, "7", "no step of calls"),
    ],
)
def test_a_reference_that_proves_nothing_is_refused(
    tmp_path: Path, make: Callable[[Path], Case], reference: str, why: str
) -> None:
    case = make(tmp_path)
    with pytest.raises(InputError, match=why):
        case.verdicts.edit(case.sample(""), {"reference": reference})


def test_an_instruction_worded_like_a_kept_one_is_told(tmp_path: Path) -> None:
    case = instructions(tmp_path)
    one, other = case.rows("SELECT sample_id, question FROM current_samples ORDER BY position LIMIT 2")
    changes = {"question": f"{other['question']} again", "answer": "So it is, after all."}
    assert case.refused(one["sample_id"], **changes) == {"dedup": "near_duplicate"}


def test_without_a_reference_the_other_draws_vote_on_an_edit(tmp_path: Path) -> None:
    label_project(tmp_path, "count: 6", "samples_per_prompt: 3", labelled=False)
    known = {text: label for _, text, label in MAILS}
    case = Case(tmp_path, lambda request: json.dumps(known[request.messages[-1]["content"]]))
    sample = case.sample(MAILS[0][1])
    assert case.refused(sample, answer="other") == {"agreement": "minority"}


def test_a_turn_that_was_not_learnt_stays_so_when_it_is_edited(tmp_path: Path) -> None:
    case = conversations(tmp_path)
    sample = case.sample("bells")
    (stored,) = case.rows("SELECT messages FROM samples WHERE sample_id = ?", sample)
    turns = json.loads(stored["messages"])
    turns[2]["content"] = "Yes, small ones."
    new = case.verdicts.edit(sample, {"messages": json.dumps(turns)})
    (after,) = case.rows("SELECT origins, messages FROM samples WHERE sample_id = ?", new)
    assert json.loads(after["origins"]) == [{"by": "person", "learnt": False}, {"by": "person"}]
    assert json.loads(after["messages"]) == turns
    with pytest.raises(InputError, match="invalid"):
        case.verdicts.edit(new, {"messages": json.dumps(turns[:-1])})
    for wrong in ("{", "{}", '["hello"]', '[{"role": "user", "content": "Hm?"}]'):
        with pytest.raises(InputError):
            case.verdicts.edit(new, {"messages": wrong})


def test_checks_that_need_a_model_or_a_file_that_is_not_here_are_left_out_and_said(tmp_path: Path) -> None:
    project(tmp_path, "rationale", "count: 6", more="checks: [schema, judge, personal, decontamination]\n"
            "evaluate: {held_out: held_out.jsonl}\n")  # fmt: skip
    write(tmp_path / "held_out.jsonl", [{"id": "h", "question": "How many are 91?", "reference": "91"}])
    case = Case(tmp_path, reasoning)
    sample, workspace = case.sample("pears"), case.plan.run.workspace
    changes = {"rationale": "One and the other make this."}

    def judged() -> tuple[set[str], str]:
        with Store(workspace.store, workspace.ledger) as store:
            one = EditJudge(workspace).judge(store.query, sample, changes)
        return {row["check_name"] for row in one.verdicts}, "\n".join(one.left_out)

    checks, left_out = judged()
    assert checks == {"schema", "personal", "decontamination", "selection", "edit"}
    assert left_out == "judge: a model would have to be asked"
    (tmp_path / "held_out.jsonl").unlink()
    checks, left_out = judged()
    assert "decontamination" not in checks and "decontamination: 'held_out.jsonl' was not found" in left_out
    (tmp_path / "seeds.jsonl").unlink()
    checks, left_out = judged()
    assert checks == {"schema", "selection", "edit"} and "personal" in left_out
    case.verdicts.edit(sample, changes)


def test_counts_tell_the_teachers_answers_from_what_people_made_of_them(tmp_path: Path) -> None:
    case = sums(tmp_path)
    turned, loose, wrong, undone, *others = case.sums()
    asked = 4 + len(others)
    swap = {sample: expression(f"{other} + {one}") for sample, one, other in (turned, undone)}
    case.verdicts.edit(turned[0], {"call": swap[turned[0]]})
    case.verdicts.edit(loose[0], {"question": f"Add {loose[1]} and {loose[2]}."}, ["edit"])
    case.verdicts.edit(wrong[0], {"call": expression("13")}, ["execution"])
    case.verdicts.undo(case.verdicts.edit(undone[0], {"call": swap[undone[0]]}))
    workspace = case.plan.run.workspace
    with Store(workspace.store, workspace.ledger) as store:
        _, written = build_report(case.plan, store)
    told = json.loads(written.read_text())["yield"]
    assert (told["asked"], told["answered"], told["accepted"]) == (asked, asked, asked)
    assert (told["edited"], told["overruled"]) == (3, 1)
    assert {one["check"]: one["passed"] for one in told["by_check"]}["execution"] == asked, "no edit"
    page = (workspace.reports / "report.html").read_text()
    assert "3 were edited by a person, and 1 accepted by one against a check" in page
    export_to(workspace, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"The teacher gave {asked} answers; {asked - 3} were accepted as they are, and 3 after a" in card
    assert "teacher `tiny`, revision `served`: 3 samples" in card
    assert "edited by a person: 3 samples" in card
    assert "accepted by a person against a check: 1 samples" in card
