"""A recipe of labels is made, proved by reference or by vote, edited and exported; what it cannot use is
refused with its line."""

import json
from pathlib import Path

import pytest

from factory.checks.decontamination import DecontaminationCheck
from factory.errors import InputError
from factory.generate.stage import generate
from factory.inference.request import Request
from factory.pipeline.preflight import preflight
from factory.review.verdicts import Verdicts
from tests.support.command import factory
from tests.support.judged import judged
from tests.support.labelled import MAILS, STUDENT, label_project, mail
from tests.support.recipes import write_model
from tests.support.scripted import Model, column, edit, load, opened, write

RIGHT = {text: label for _, text, label in MAILS}


def say(request: Request) -> str:
    """Say the label of a text, and the wrong one of the last mail."""
    text = request.messages[-1]["content"]
    return '"other"' if text == MAILS[-1][1] else json.dumps(RIGHT[text])


def test_the_reference_proves_a_label_and_the_row_is_text_and_label(tmp_path: Path) -> None:
    label_project(tmp_path, "count: 6")
    context = load(tmp_path)
    with opened(context) as store:
        model = Model(say)
        generate(context, store, model)
        assert len(model.asked) == len(MAILS)
        rows = store.query("SELECT * FROM training_set ORDER BY position")
        assert [(row["question"], row["answer"]) for row in rows] == [
            (text, label) for _, text, label in MAILS[:-1]
        ]
        assert {row["tools"] for row in rows} == {"[]"}
        rejected = "SELECT reason FROM verdicts WHERE NOT passed"
        assert column(store, rejected) == ["wrong_answer"]
        assert set(column(store, "SELECT form FROM samples")) == {'["billing", "card", "other"]'}


def test_without_labels_the_draws_vote(tmp_path: Path) -> None:
    label_project(tmp_path, "count: 6", "samples_per_prompt: 3", labelled=False)
    context = load(tmp_path)
    said: dict[str, int] = {}

    def undecided(request: Request) -> str:
        text = request.messages[-1]["content"]
        said[text] = said.get(text, 0) + 1
        if text == MAILS[0][1]:  # two of three
            return '"card"' if said[text] == 1 else '"billing"'
        if text == MAILS[1][1]:  # one each
            return json.dumps(["billing", "card", "other"][said[text] - 1])
        return json.dumps(RIGHT[text])

    with opened(context) as store:
        generate(context, store, Model(undecided))
        kept = {row["question"]: row["answer"] for row in store.query("SELECT * FROM training_set")}
        assert kept == {text: label for text, label in RIGHT.items() if text != MAILS[1][1]}
        reasons = column(store, "SELECT DISTINCT reason FROM verdicts WHERE NOT passed ORDER BY 1")
        # Of the draws that say the same one is kept.
        assert reasons == ["duplicate", "minority", "no_majority"]


def test_a_person_corrects_a_label_and_the_data_goes_out_as_text_and_label(tmp_path: Path) -> None:
    label_project(tmp_path, "count: 6")
    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(say))
        (wrong,) = column(
            store, "SELECT sample_id FROM samples WHERE answer = 'other' AND reference = 'card'"
        )
    verdicts = Verdicts(context.run.workspace)
    with pytest.raises(InputError, match="none of the labels"):
        verdicts.edit(wrong, {"answer": "umbrella"})
    verdicts.edit(wrong, {"answer": "card"})
    done = factory("export", "-w", tmp_path / "work", "--format", "jsonl", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text().splitlines()]
    assert {row["text"]: row["label"] for row in rows} == RIGHT
    assert all([turn["content"] for turn in row["messages"]] == [row["text"], row["label"]] for row in rows)
    assert "- text-classification" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("seeds", "held_out", "data", "told"),
    [
        ([{"id": "a", "text": "One?", "label": "cards"}], None, [],
         r"seeds\.jsonl:1: the label 'cards' of a is not one of the recipe's"),
        (None, [{"id": "b", "text": "One?", "label": "Card"}], [],
         r"held_out\.jsonl:1: the label 'Card' of b is not one of the recipe's"),
        (None, [{"id": "b", "text": "One?"}], [],
         r"held_out\.jsonl:1: the held-out task b has no reference to be measured by"),
        ([{"id": "a", "text": "One?", "label": "card"}, {"id": "b", "text": "Two?"}], None, [],
         r"seeds\.jsonl:2: b has no label, and one answer is no vote"),
        ([{"id": "a", "text": "One?"}], None, ["samples_per_prompt: 2"], None),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path,
    seeds: list[dict[str, str]] | None,
    held_out: list[dict[str, str]] | None,
    data: list[str],
    told: str | None,
) -> None:
    label_project(tmp_path, "count: 6", *data)
    for name, rows in (("seeds", seeds), ("held_out", held_out)):
        if rows is not None:
            write(tmp_path / f"{name}.jsonl", rows)
    if told is None:
        preflight(load(tmp_path), ("check",))
        return
    with pytest.raises(InputError, match=told):
        preflight(load(tmp_path), ("check",))


def test_without_agreement_nothing_proves_a_label(tmp_path: Path) -> None:
    label_project(tmp_path, "count: 6", more="checks: [schema]\n")
    with pytest.raises(InputError, match="no check would tell a right label from a wrong one"):
        preflight(load(tmp_path), ("check",))


def test_other_labels_other_meanings_another_order_and_another_task_are_another_plan(tmp_path: Path) -> None:
    path = label_project(tmp_path, "count: 6", more=STUDENT)
    write_model(tmp_path / "base", "base")
    meant = '{"billing": "about money", "card": "about a card", "other": ""}'

    def ids(labels: str, task: str = "") -> tuple[str, ...]:
        before = path.read_text()
        edit(path, meant, labels + (f"\n  task: {task}" if task else ""))
        plan = load(tmp_path)
        path.write_text(before)
        return plan.plan_id, str(plan.kind.evaluation_identity(plan.data))

    same = ids("{billing: about money, card: about a card, other: }")
    found = [
        ids(meant),
        ids('{"card": "about a card", "billing": "about money", "other": ""}'),
        ids("[billing, card, other]"),
        ids('{"billing": "about money", "card": "about a card", "other": "", "more": ""}'),
        ids(meant, "Which desk?"),
    ]
    assert found[0] == same
    assert len({plan for plan, _ in found}) == len({how for _, how in found}) == 5


def test_a_shared_label_is_no_leak_and_a_shared_text_is() -> None:
    held_out = [mail("Order 12 of 3 May 2024 was charged twice, why?", "follow-up")]
    check = DecontaminationCheck(held_out, references=False)
    other = "Of my 12 shirts 3 are torn since May 2024."
    assert not DecontaminationCheck(held_out).judge(judged("x", question=other, reference="follow-up")).passed
    assert check.judge(judged("follow-up", question=other, reference="follow-up")).passed
    assert not check.judge(judged("x", question=held_out[0].question.upper(), reference="other")).passed
    assert check.settings != DecontaminationCheck(held_out).settings


def test_the_recipes_own_check_sets_labels_aside(tmp_path: Path) -> None:
    label_project(tmp_path, "count: 6")
    (check,) = [one for one in load(tmp_path).suite().single if one.name == "decontamination"]
    assert check.settings["references"] is False
