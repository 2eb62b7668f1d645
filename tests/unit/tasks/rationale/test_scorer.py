"""What a model says to held-out questions is asked and judged as its kind wants it: the answer as
mathematics, a student by its task."""

from pathlib import Path

import pytest

from factory.errors import InputError
from factory.evaluate.candidate import Candidate, Role
from factory.evaluate.measure import measure
from factory.inference.request import Request
from factory.pipeline.preflight import preflight
from tests.support.scripted import Model, load, numbers, opened, project, write

STUDENT = (
    "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n"
    "evaluate: {held_out: held_out.jsonl}\n"
)
SAID = {
    "31": "31 + 2 = 33. Answer: 33 pears",
    "32": "That makes 34.00\nThe final answer is: 34.00",
    "33": "So it is 36. Answer: 36",
    "34": "It is thirty-six",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project(tmp_path, "rationale", "count: 4", more=STUDENT)
    tasks = [
        {
            "id": f"h{number}",
            "question": f"A tree has {number} pears and grows 2. How many are there?",
            "reference": str(number + 2),
        }
        for number in range(31, 35)
    ]
    write(tmp_path / "held_out.jsonl", tasks)
    return tmp_path


def _measured(folder: Path, role: Role) -> tuple[str, list[Request], dict[str, dict], list[str]]:
    asked: list[Request] = []

    def say(request: Request) -> str:
        asked.append(request)
        return next(SAID[number] for number in reversed(numbers(request)) if number in SAID)

    context = load(folder)
    with opened(context) as store:
        said = measure(
            context,
            store,
            Candidate(role, f"b2:{role}", role, folder, role == "teacher", "", ""),
            Model(say),
            local=False,
        )
        rows = {row["reference"]: row for row in store.query("SELECT * FROM predictions")}
        metrics = [row["metric"] for row in store.query("SELECT metric FROM evaluations ORDER BY metric")]
    return said, asked, rows, metrics


def test_the_final_answer_is_compared_as_mathematics(folder: Path) -> None:
    said, _, rows, metrics = _measured(folder, "student")
    assert said.startswith("student: 50.0% right")
    assert {reference: row["right_answer"] for reference, row in rows.items()} == {
        "33": True,
        "34": True,
        "35": False,
        "36": False,
    }
    assert {reference: row["parsed"] for reference, row in rows.items()} == {
        "33": True,
        "34": True,
        "35": True,
        "36": False,
    }
    assert rows["33"]["result"] == "33 pears"
    assert metrics == ["answer_accuracy", "parse_rate"]


def test_a_student_is_asked_to_reason_its_base_the_bare_question_the_teacher_with_examples(
    folder: Path,
) -> None:
    contents = {role: _measured(folder, role)[1][0].messages for role in ("student", "base", "teacher")}
    assert contents["student"][0]["content"].startswith("[rationale] A tree has")
    assert contents["base"][0]["content"].startswith("A tree has")
    assert len(contents["student"]) == len(contents["base"]) == 1
    assert contents["teacher"][0]["role"] == "system" and len(contents["teacher"]) > 3


def test_a_task_without_a_reference_is_refused_before_anything_is_loaded(folder: Path) -> None:
    write(folder / "held_out.jsonl", [{"id": "h1", "question": "How many pears?", "reference": ""}])
    with pytest.raises(InputError, match=r"held_out\.jsonl:1: the held-out task h1 has no reference"):
        preflight(load(folder), ("evaluate",))
