"""Which samples are looked at when not all are, and what a model's id follows from."""

import itertools
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from factory.context.lineage import Lineage
from factory.context.training_set import spread
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
