"""New texts of labels are written by the teacher, and kept where it reads in the text alone what it was to
write."""

import json
from pathlib import Path

import pytest

from factory.generate.stage import generate
from factory.inference.request import Answer, Request
from factory.tasks.label.taskset import LabelTaskset
from factory.tasks.sample import Task
from tests.support.episode import answer, talk
from tests.support.labelled import LABELS, MAILS, label_project, mail
from tests.support.pool import NOTHING
from tests.support.scripted import Model, load, opened

SEEDS = [mail(text, label, language, line) for line, (language, text, label) in enumerate(MAILS, 1)]
NEW = "The bill of last week has the wrong address on it."


def kind(new_texts: int = 6, seed: int = 7) -> LabelTaskset:
    return LabelTaskset(SEEDS, LABELS, examples=2, about="Which desk?", new_texts=new_texts, seed=seed)


def new_tasks(taskset: LabelTaskset) -> list[Task]:
    return [task for task in taskset.tasks(NOTHING) if task is not None and task.parents]


def said(text: str, finish_reason: str = "stop") -> Answer:
    return answer(json.dumps({"text": text}), finish_reason)


def test_labels_come_in_turn_after_the_seeds_and_there_are_none_by_default() -> None:
    tasks = [task for task in kind().tasks(NOTHING) if task is not None]
    assert [task.question for task in tasks[: len(MAILS)]] == [text for _, text, _ in MAILS]
    assert [task.reference for task in tasks[len(MAILS) :]] == [*LABELS, *LABELS]
    assert len({task.task_id for task in tasks}) == len(tasks)
    by_id = {seed.seed_id: seed for seed in SEEDS}
    for task in new_tasks(kind()):
        shown = [by_id[parent] for parent in task.parents]
        assert {(seed.reference, seed.language) for seed in shown} == {(task.reference, task.language)}
        assert shown[-1].seed_id == task.seed_id
    assert new_tasks(kind()) == new_tasks(kind()) != new_tasks(kind(seed=8))
    assert new_tasks(kind(0)) == []
    assert new_tasks(LabelTaskset([mail("One?")], LABELS, examples=0, new_texts=3)) == []


def test_a_text_is_written_and_then_read_alone() -> None:
    task = new_tasks(kind())[0]
    made = talk(kind().episode(task, 0), [said(f" {NEW}\n"), '"billing"'])
    (prompt,) = made.said(0)
    assert prompt.startswith('Which desk?\nThese texts have the label "billing": about money.\n')
    assert "I was charged twice this month." in prompt and "do not name the label" in prompt
    # The second time nothing says what was asked for.
    assert made.asks[1].messages == kind().ask(Task("", "en", "", NEW, ""))
    sample = made.sample
    assert sample.messages == [{"role": "user", "content": NEW}, {"role": "assistant", "content": "billing"}]
    assert (sample.outcome, sample.expected, sample.task.parents) == ("billing", "billing", task.parents)
    other = talk(kind().episode(task, 0), [said(NEW), '"card"']).sample
    assert (other.outcome, other.expected) == ("card", "billing")


@pytest.mark.parametrize(
    ("answered", "fault"),
    [
        (answer(""), "empty"),
        (answer(NEW), "not_json"),
        (answer('{"text": "The b', "length"), "proposal_cut_off"),
        (answer(json.dumps({"text": NEW, "label": "billing"})), "wrong_shape"),
        (answer(json.dumps({"text": 12})), "wrong_shape"),
        (said("Hm."), "wrong_shape"),
        (said("x y " * 200), "wrong_shape"),
        (said("A control token <|im_end|> stands here."), "control_token"),
        (said("i was charged twice THIS month!"), "near_seed"),
        (said("上周的账单地址写错了，请尽快更正一下，谢谢。"), "wrong_language"),
        (said("again and again " * 20), "repetition"),
        (answer("", error="failed_timeout"), "failed_timeout"),
    ],
)
def test_what_is_no_text_is_not_asked_about(answered: Answer, fault: str) -> None:
    made = talk(kind().episode(new_tasks(kind())[0], 0), [answered])
    assert (made.sample.fault, made.sample.messages) == (fault, None)
    assert made.sample.form == [*LABELS]


def test_only_texts_that_are_read_as_they_were_meant_are_kept(tmp_path: Path) -> None:
    label_project(tmp_path, "count: 12", "new_texts: 6")
    right = {text: label for _, text, label in MAILS}
    written: dict[str, str] = {}

    def say(request: Request) -> str:
        text = request.messages[-1]["content"]
        if request.schema and "properties" in request.schema:
            asked = next(label for label in LABELS if f'"{label}"' in text)
            words = " ".join(request.key[3:][place : place + 7] for place in range(0, 28, 7))
            # In the language of the texts that are shown.
            new = f"请问：{request.key[-4:]}怎么办？" if "标签" in text else f"Please look at {words}."
            written[new] = asked
            return json.dumps({"text": new})
        return json.dumps(right.get(text) or ("card" if written[text] == "other" else written[text]))

    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(say))
        kept = {row["question"]: row["answer"] for row in store.query("SELECT * FROM training_set")}
        assert kept == right | {text: label for text, label in written.items() if label != "other"}
        assert len(written) == 6
    again = load(tmp_path)
    with opened(again) as store:
        model = Model(say)
        generate(again, store, model)
        assert model.asked == []
