"""Which samples are looked at when not all are, and what a model's id follows from."""

import itertools
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from factory.context.lineage import Lineage
from factory.context.training_set import TrainingSet, spread
from factory.store.store import Row
from factory.system.digest import content_id
from tests.support.recipes import write_project
from tests.support.sample_ids import SampleIds
from tests.support.scripted import load, project


@given(samples=st.integers(0, 300), count=st.integers(0, 300))
def test_some_of_the_samples_come_evenly_from_all(samples: int, count: int) -> None:
    chosen = spread(range(samples), count)
    assert len(chosen) == len(set(chosen)) == min(samples, count) and chosen == sorted(chosen)
    if chosen:
        assert all(
            after - before <= -(-samples // count) for before, after in itertools.pairwise([*chosen, samples])
        )


def test_a_chat_template_of_ones_own_makes_another_student(tmp_path: Path) -> None:
    project(
        tmp_path,
        "tool_call",
        "count: 4",
        more="student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n",
    )
    ((_, before),) = Lineage(load(tmp_path).run, SampleIds(["b2:1"])).adapters
    own = tmp_path / "work" / "prompts"
    own.mkdir(parents=True)
    (own / "hermes_chat.jinja").write_text("{% set show_tools = false %}{{ messages[0]['content'] }}")
    ((_, after),) = Lineage(load(tmp_path).run, SampleIds(["b2:1"])).adapters
    assert before.artifact_id != after.artifact_id and "template" not in before.about


def test_the_samples_are_read_once_for_all_models(tmp_path: Path) -> None:
    asked: list[str] = []

    class Counting(SampleIds):
        def query(self, sql: str, parameters: Any = None) -> list[Row]:
            asked.append(sql)
            return super().query(sql, parameters)

    write_project(tmp_path, "repair")
    lineage = Lineage(load(tmp_path).run, Counting(["b2:1", "b2:2"]))
    adapters = [adapter for _, adapter in lineage.adapters]
    made = [*adapters, lineage.student, lineage.quantized, lineage.recovered]
    assert len({planned.artifact_id for planned in made}) == 5
    assert len(asked) == 1
    assert made[0].about["samples"] == lineage.samples.content_id == content_id(["b2:1", "b2:2"])


def test_a_student_learns_from_whatever_stands_for_the_training_set(tmp_path: Path) -> None:
    class Union(TrainingSet):
        """The samples of several stores, one store after the other."""

        def __init__(self, parts: list[TrainingSet]) -> None:
            self._parts = parts

        @cached_property
        def ids(self) -> list[str]:
            return [sample for part in self._parts for sample in part.ids]

    write_project(tmp_path, "sft-alone")
    run = load(tmp_path).run
    both, one = (Lineage(run, SampleIds(ids)) for ids in ([], ["b2:1", "b2:2"]))
    both.samples = Union([TrainingSet(SampleIds(["b2:1"])), TrainingSet(SampleIds(["b2:2"]))])
    assert both.student.artifact_id == one.student.artifact_id


def _ids(folder: Path, **student: Any) -> dict[str, str]:
    """Return the ids of what a recipe makes, by kind; an adapter's by its stage."""
    folder.mkdir()
    path = write_project(folder, "calculator")
    recipe = yaml.safe_load(path.read_text())
    recipe["student"] |= student
    path.write_text(yaml.safe_dump(recipe))
    lineage = Lineage(load(folder).run, SampleIds(["b2:1", "b2:2"]))
    found = {stage.name: adapter.artifact_id for stage, adapter in lineage.adapters}
    return (
        found
        | {"student": lineage.student.artifact_id}
        | ({"tutor": lineage.tutor.artifact_id} if lineage.tutor else {})
    )


def test_ids_say_what_is_asked_for_and_not_what_it_has_to_reach(tmp_path: Path) -> None:
    plain, tutor = _ids(tmp_path / "a"), {"steps": 5}
    same = _ids(tmp_path / "b", schedule="one", gate=True)
    assert same == plain
    ungated = _ids(tmp_path / "c", gate=False)
    assert ungated.pop("student") != plain["student"] and ungated.items() <= plain.items()
    each = _ids(tmp_path / "d", schedule="each")
    assert not each.items() & plain.items()
    taught = _ids(tmp_path / "e", tutor=tutor)
    assert taught["sft"] == plain["sft"] and taught["distill"] != plain["distill"]
    lower = _ids(tmp_path / "f", tutor=tutor | {"least_gain": -5.0})
    assert lower == taught
    longer = _ids(tmp_path / "g", tutor=tutor | {"steps": 6})
    assert longer["tutor"] != taught["tutor"] and longer["distill"] != taught["distill"]
    assert _ids(tmp_path / "h", tutor=tutor, schedule="each")["tutor"] == taught["tutor"]


def test_to_set_nothing_aside_is_another_wish_than_to_say_nothing(tmp_path: Path) -> None:
    sft = {"sft": {"steps": 5}}
    said = _ids(tmp_path / "a", stages=[sft])
    assert _ids(tmp_path / "b", stages=[{"sft": {"steps": 5, "validation": None}}]) != said
