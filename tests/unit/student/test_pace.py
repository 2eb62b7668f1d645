"""What follows from what training has shown: weights that are bounded, phases that end by agreement, TAID's
way; all of it the same after a kill."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.recipe.distill import Distill
from factory.student.balance import Balance
from factory.student.pace import Pace
from factory.student.step_settings import phase_at, step_settings

_VALUES = st.floats(1e-4, 20)


def _distill(**settings: object) -> Distill:
    return Distill.model_validate({"steps": 20, **settings})


@given(weight=st.floats(0, 1), bound=st.floats(0.01, 10), answers=_VALUES, value=_VALUES)
def test_no_term_is_more_than_the_bound_allows(
    weight: float, bound: float, answers: float, value: float
) -> None:
    found = Balance("add", bound, {"cross_entropy": answers, "divergence": value}).bounded(
        "divergence", weight, {}
    )
    assert found <= weight
    assert found * value <= bound * answers * (1 + 1e-9)
    assert found == weight or found * value == pytest.approx(bound * answers)


@given(weight=st.floats(0, 1), value=_VALUES)
def test_shares_are_not_bounded_and_take_from_cross_entropy(weight: float, value: float) -> None:
    balance = Balance("share", 0.01, {"cross_entropy": 0.001, "divergence": value})
    assert (balance.answers(weight), balance.bounded("divergence", weight, {})) == (1 - weight, weight)
    assert not balance.is_open("divergence", weight, answers=True)


def test_a_term_that_has_no_mean_yet_is_measured_where_it_counts() -> None:
    empty = Balance("add", 1.0)
    assert empty.is_open("divergence", 0.5, answers=True)
    # What the student writes itself has no cross-entropy: without a mean of it there is nothing to be bounded
    # by.
    assert not empty.is_open("own_divergence", 0.5, answers=False)
    assert not empty.is_open("divergence", 0.0, answers=True)
    assert not Balance("add", None).is_open("divergence", 0.5, answers=True)
    later = Balance("add", 1.0, {"cross_entropy": 1.0, "divergence": 1.0})
    assert not later.is_open("divergence", 0.5, answers=True)
    assert later.is_open("own_divergence", 0.5, answers=False)
    # A divergence that is nothing, or less by a tail that is dropped, cannot be too much.
    assert empty.bounded("divergence", 0.5, {"cross_entropy": 1.0, "divergence": -0.1}) == 0.5


def test_running_means_begin_with_the_first_value_and_forget() -> None:
    pace, settings = Pace(), _distill()
    pace.observe(settings, 0, {"cross_entropy": 2.0, "divergence": 4.0})
    assert pace.means == {"cross_entropy": 2.0, "divergence": 4.0}
    pace.observe(settings, 1, {"cross_entropy": 1.0, "divergence": 4.0})
    # What the student wrote itself is another thing.
    pace.observe(settings, 2, {"divergence": 9.0})
    assert pace.means == pytest.approx({"cross_entropy": 1.9, "divergence": 4.0, "own_divergence": 9.0})


_PHASES = [{"until": {"top1": 0.9, "share": 0.5}, "top_k": 3}, {"until": 0.8, "weight": 0.1}, {}]


def test_a_phase_ends_when_student_and_teacher_agree() -> None:
    pace, settings = Pace(), _distill(curriculum=_PHASES)
    seen = []
    for step in range(20):
        seen.append(phase_at(settings, step, pace.ended))
        pace.observe(settings, step, {"cross_entropy": 1.0, "top1": 0.5 if step < 2 else 1.0})
    # The mean passes 0.9 where 0.5 x 0.9^n is 0.1 below 1: after 16 steps; the share ends the phase before.
    assert seen == [0] * 10 + [1] * 6 + [2] * 4
    assert pace.ended == {}


@pytest.mark.parametrize("agrees_from", [0, 3])
def test_the_phases_after_it_follow_at_once(agrees_from: int) -> None:
    pace, settings = Pace(), _distill(curriculum=_PHASES)
    for step in range(20):
        pace.observe(settings, step, {"top1": 0.95 if step >= agrees_from else 0.0})
        pace.means = {} if step < agrees_from else pace.means
    assert pace.ended == {0: agrees_from + 1}
    ends = [phase_at(settings, step, pace.ended) for step in range(20)]
    assert ends == [0] * (agrees_from + 1) + [1] * (15 - agrees_from) + [2] * 4
    assert step_settings(settings, 19, 5, pace.ended).phase == 2


def test_without_agreement_a_phase_lasts_as_long_as_it_may() -> None:
    settings = _distill(curriculum=[{"until": {"top1": 0.9}}, {"weight": 0.1}])
    assert [phase_at(settings, step) for step in range(20)] == [0] * 20
    assert step_settings(settings, 12, 5, {0: 12}).weight == 0.1


@given(values=st.lists(_VALUES, min_size=2, max_size=20))
def test_taids_target_goes_from_student_to_teacher_at_least_as_fast_as_the_steps(values: list[float]) -> None:
    pace, settings = Pace(), _distill(interpolate="taid")
    shares = [pace.taid.share]
    for step, value in enumerate(values):
        pace.observe(settings, step, {"cross_entropy": 1.0, "divergence": value})
        shares.append(pace.taid.share)
        assert step == 0 or pace.taid.share >= 0.4 + 0.6 * (step + 1) / 20 - 1e-12
    assert shares == sorted(shares)
    assert shares[0] == 0.4 and shares[-1] <= 1


def test_taids_target_is_sooner_the_teachers_where_the_divergence_falls() -> None:
    ways = {}
    for factor in (0.5, 1.0, 1.5):
        pace, settings = Pace(), _distill(interpolate="taid")
        for step in range(6):
            pace.observe(settings, step, {"cross_entropy": 1.0, "divergence": factor**step})
        ways[factor] = pace.taid.share
    assert ways[0.5] > ways[1.0] > ways[1.5]


@given(
    found=st.lists(
        st.fixed_dictionaries({"cross_entropy": _VALUES, "divergence": _VALUES, "top1": st.floats(0, 1)}),
        max_size=12,
    )
)
def test_a_checkpoint_holds_all_of_it(tmp_path_factory: pytest.TempPathFactory, found: list) -> None:
    pace, settings = Pace(), _distill(interpolate="taid", curriculum=_PHASES)
    for step, each in enumerate(found):
        pace.observe(settings, step, each)
    folder = tmp_path_factory.mktemp("checkpoint")
    pace.save(folder)
    assert Pace.load(folder) == pace


def test_a_checkpoint_of_an_older_version_begins_anew(tmp_path: Path) -> None:
    assert Pace.load(tmp_path) == Pace()
