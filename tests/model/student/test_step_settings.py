"""What holds at each step follows from the step alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.recipe.distill import Distill, TemperatureSchedule, WeightSchedule
from factory.student.step_settings import step_settings, value


def _distill(**settings: object) -> Distill:
    return Distill.model_validate({"steps": 20, **settings})


def test_the_curriculum_of_the_design() -> None:
    settings = _distill(curriculum=[{"until": 0.5, "top_k": 3}, {"temperature": 2.0}])
    moments = [step_settings(settings, step, 20) for step in range(20)]
    assert [(m.phase, m.top_k, m.temperature) for m in moments] == [(0, 3, 1.0)] * 10 + [(1, None, 2.0)] * 10
    assert {m.weight for m in moments} == {0.5}


def test_without_a_teacher_all_of_the_stored_tokens_are_taken() -> None:
    assert step_settings(_distill(teacher="stored"), 0, 17).top_k == 17
    assert step_settings(_distill(), 0, 17).top_k is None


def test_a_schedule_of_a_phase_runs_within_it_and_one_of_the_stage_over_all() -> None:
    settings = _distill(
        weight={"start": 0.0, "end": 1.0},
        curriculum=[
            {"until": 0.5, "top_k": {"start": 2, "end": 11}},
            {"temperature": {"start": 1.0, "end": 4.0}},
        ],
    )
    moments = [step_settings(settings, step, 20) for step in range(20)]
    assert [m.top_k for m in moments[:10]] == list(range(2, 12))
    assert [moments[i].temperature for i in (9, 10, 19)] == [1.0, 1.0, 4.0]
    assert [m.weight for m in moments] == pytest.approx([step / 19 for step in range(20)])


def test_hidden_states_fade_out_by_default() -> None:
    weights = [step_settings(_distill(hidden={}), step, 20).hidden_weight for step in range(20)]
    assert weights[0] == 0.5
    assert weights[-1] == 0
    assert weights == sorted(weights, reverse=True)


def test_warm_up_stable_decay() -> None:
    schedule = WeightSchedule(start=0.2, peak=0.8, end=0.0, warmup=0.25, decay=0.5)
    assert [value(schedule, share) for share in (0, 0.125, 0.25, 0.4, 0.5, 0.75, 1)] == pytest.approx(
        [0.2, 0.5, 0.8, 0.8, 0.8, 0.4, 0.0]
    )


@given(
    start=st.floats(0.1, 10), peak=st.none() | st.floats(0.1, 10), end=st.floats(0.1, 10),
    share=st.floats(0, 1),
    warmup=st.floats(0, 0.5), decay=st.floats(0, 0.5),
)  # fmt: skip
def test_a_schedule_stays_between_its_values(start, peak, end, share, warmup, decay) -> None:
    schedule = TemperatureSchedule(start=start, peak=peak, end=end, warmup=warmup, decay=decay)
    ends = [at for at in (start, peak, end) if at is not None]
    assert min(ends) - 1e-9 <= value(schedule, share) <= max(ends) + 1e-9


@given(steps=st.integers(1, 200), cuts=st.lists(st.floats(0.01, 0.99), max_size=5, unique=True))
def test_phases_follow_one_another_and_cover_the_stage(steps: int, cuts: list[float]) -> None:
    settings = _distill(steps=steps, curriculum=[*({"until": cut} for cut in sorted(cuts)), {}])
    phases = [step_settings(settings, step, 20).phase for step in range(steps)]
    assert phases == sorted(phases)
    for index, cut in enumerate(sorted(cuts)):
        assert sum(phase <= index for phase in phases) == round(cut * steps)
