"""Stages of training in a recipe: any number in any order, each with its part of the data, and no id of a
recipe that was there before knows of it."""

from typing import Any

import pytest

from factory.recipe.load import load_recipe
from factory.recipe.stages import STAGES, labels
from factory.recipe.student import Student
from tests.unit.recipe.conftest import Bend, faults


def student(*stages: dict[str, Any], **more: Any) -> Student:
    return Student.model_validate({"base": "base", "stages": list(stages)} | more)


def test_stages_are_named_in_their_order() -> None:
    stages = student(
        {"sft": {"steps": 1}}, {"align": {"steps": 1}}, {"sft": {"steps": 2}}, {"sft": {"steps": 3}}
    ).stages
    assert labels(stages) == ["sft", "align", "sft 2", "sft 3"]
    assert [stage.settings.steps for stage in stages] == [1, 1, 2, 3]


def test_what_says_nothing_is_in_no_id() -> None:
    plain = student({"sft": {"steps": 1}}, {"distill": {"steps": 1}})
    told = {key for stage in plain.stages for key in stage.identity()[stage.name]}
    assert not told & {"sources", "lessons", "teacher_model"}
    assert "schedule" not in plain.identity()
    said = student({"sft": {"steps": 1, "sources": ["a"], "lessons": ["label"]}}, schedule="each")
    assert said.identity()["schedule"] == "each"
    assert said.stages[0].identity()["sft"].keys() >= {"sources", "lessons"}


def test_alignment_is_distillation_without_a_divergence() -> None:
    (stage,) = student({"align": {"steps": 3, "teacher": "cache", "hidden": {"layers": [[1, 2]]}}}).stages
    settings = stage.distillation
    assert settings is not None and settings.hidden is not None
    assert (settings.steps, settings.teacher, settings.weight) == (3, "cache", 0)
    # Nothing else is learnt, so it does not fade out.
    assert (settings.hidden.layers, settings.hidden.weight) == (((1, 2),), 1.0)


def test_seventeen_stages_are_too_many(bend: Bend) -> None:
    (told,) = faults(bend({"student.stages": [{"sft": {"steps": place + 1}} for place in range(17)]}))
    assert told.endswith("student.stages: at most 16 items")


@pytest.mark.parametrize("name", [name for name in STAGES if name != "sft"])
def test_what_needs_the_teacher_itself_is_not_learnt_from_servers(bend: Bend, name: str) -> None:
    changes: dict[str, Any] = {
        "student.stages": [{name: {"steps": 1}}],
        "teacher.endpoints": ["http://127.0.0.1:1/v1"],
    }
    (told,) = faults(bend(changes))
    assert "needs a teacher that runs here" in told


def test_a_stage_learns_the_lessons_and_sources_that_there_are(bend: Bend) -> None:
    source = {"kind": "rationale", "seeds": "data/seeds.jsonl", "count": 1}
    other = source | {"name": "other"}
    stages = [{"sft": {"steps": 1, "lessons": ["rationale"], "sources": ["rationale", "other"]}}]
    bent = {"data": [source, other], "student.stages": stages, "teacher.logprobs": 0}
    wrong = [{"sft": {"steps": 1, "lessons": ["rational"], "sources": ["others"]}}]
    told = [line for line in faults(bend(bent | {"student.stages": wrong})) if "stages" in line]
    assert [line.split(": ", 1)[1] for line in told] == [
        "student.stages[0].sft.lessons[0]: 'rational' is not one of label, rationale",
        "student.stages[0].sft.sources[0]: 'others' is not one of rationale, other",
    ]


TUTOR = {"steps": 3}
DISTILL = {"distill": {"steps": 1}}


def test_a_tutor_teaches_where_nothing_else_is_said() -> None:
    with_tutor = student(
        DISTILL,
        {"align": {"steps": 1}},
        {"distill": {"steps": 1, "teacher": "stored"}},
        {"distill": {"steps": 1, "teacher_model": "teacher"}},
        {"sft": {"steps": 1}},
        tutor=TUTOR,
    )
    taught = [with_tutor.has_tutor(stage) for stage in with_tutor.stages]
    assert taught == [True, True, False, False, False]
    assert not any(map(student(DISTILL).has_tutor, with_tutor.stages))


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        (
            {"student.stages": [{"distill": {"steps": 1, "teacher_model": "tutor"}}]},
            "student.stages[0].distill.teacher_model: there is no tutor; add student.tutor",
        ),
        (
            {"student.stages": [{"sft": {"steps": 1}}], "student.tutor": TUTOR},
            "student.tutor: no stage learns from it",
        ),
        (
            {
                "student.stages": [
                    {"distill": {"steps": 1, "teacher": "stored", "teacher_model": "tutor"}},
                ],
                "student.tutor": TUTOR,
            },
            "student.stages[0].distill.teacher: stored are the teacher's answers",
        ),
        (
            {
                "student.stages": [{"distill": {"steps": 4, "curriculum": [{"until": 0.5, "top_k": 3}, {}]}}],
                "student.tutor": TUTOR,
            },
            "student.stages[0].distill.curriculum[0].top_k: the stored top k is the teacher's",
        ),
        (
            {
                "student.stages": [DISTILL],
                "student.tutor": TUTOR,
                "teacher.endpoints": ["http://127.0.0.1:1/v1"],
            },
            "student.tutor: needs a model that runs here",
        ),
        (
            {"student.stages": [{"distill": {"steps": 1, "validation": None}}], "student.tutor": TUTOR},
            "student.tutor: it teaches only if it is better than the student on set-aside seeds",
        ),
        (
            {"student.stages": [DISTILL], "student.tutor": TUTOR | {"base": "nowhere"}},
            "student.tutor.base: neither a bundled model",
        ),
        (
            {"student.stages": [DISTILL], "student.tutor": TUTOR | {"validation": {"every": 4}}},
            "student.tutor.validation.every: is more than the stage's 3 steps",
        ),
    ],
)
def test_what_a_tutor_cannot_do_is_told(bend: Bend, changes: dict[str, Any], start: str) -> None:
    told = [line.split(": ", 1)[1] for line in faults(bend(changes))]
    assert any(line.startswith(start) for line in told), told


def test_servers_may_teach_beside_a_tutor_of_ones_own(bend: Bend) -> None:
    changes = {
        "student.stages": [DISTILL, {"align": {"steps": 1}}],
        "student.tutor": TUTOR | {"base": "smollm2-135m-instruct"},
        "teacher.endpoints": ["http://127.0.0.1:1/v1"],
    }
    recipe = load_recipe(bend(changes)).recipe
    assert recipe.student is not None and recipe.student.tutor is not None


def test_seeds_are_set_aside_where_nothing_is_said_of_them() -> None:
    said: dict[str, Any] = {"sft": {"steps": 9, "validation": {"share": 0.3}}}
    off: dict[str, Any] = {"sft": {"steps": 9, "validation": None}}
    plain: dict[str, Any] = {"sft": {"steps": 9}}
    each = [student(*stages) for stages in ((plain, plain), (said, plain), (off, plain), (off, said))]
    assert [one.watches_by_default for one in each] == [True, False, False, False]
    assert [one.validation_share for one in each] == [0.0, 0.3, 0.0, 0.3]


def test_the_gate_stands_between_fine_tuning_and_what_follows() -> None:
    sft: dict[str, Any] = {"sft": {"steps": 1}}
    assert student(sft, DISTILL, sft, DISTILL).last_fine_tuned == 2
    assert student(DISTILL, sft).last_fine_tuned is student(DISTILL).last_fine_tuned is None
    assert student(sft, DISTILL, gate=False).last_fine_tuned is None
    assert "gate" not in student(sft).identity() and student(sft, gate=False).identity()["gate"] is False
