"""Which of the teacher's positions are learnt from: what is seen of them, and what is chosen."""

import math

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from factory.student.comparison import TeacherSignal  # noqa: E402
from factory.student.losses.head import Head  # noqa: E402
from factory.student.selection import Look, Selection  # noqa: E402
from factory.tasks.rows import IGNORED  # noqa: E402

_ROWS = torch.tensor([0, 0, 1, 1, 2, 2])


def _look(**changes: list[float]) -> Look:
    seen = {
        "entropy": [0.1, 0.9, 0.3, 0.2, 0.8, 0.4],
        "loss": [1.0, 1.0, 0.2, 0.2, 0.6, 0.6],
        "teacher_loss": [1.0, 1.0, 0.1, 0.1, 0.1, 0.1],
        "confidence": [0.9, 0.6, 0.9, 0.4, 0.7, 0.8],
        "agrees": [1.0] * 6,
    }
    return Look(
        **{name: torch.tensor(values, dtype=torch.double) for name, values in (seen | changes).items()}
    )


@pytest.mark.parametrize("stored", [False, True])
def test_what_is_seen_of_a_position_is_the_formula(stored: bool) -> None:
    chance = torch.Generator().manual_seed(2)
    hidden, weight, theirs = (
        torch.randn(*shape, generator=chance, dtype=torch.double) for shape in ((6, 5), (9, 5), (6, 4))
    )
    teacher_head = Head(torch.randn(9, 4, generator=chance, dtype=torch.double))
    targets = torch.tensor([3, 8, IGNORED, 0, 5, 1])
    p, q = (theirs @ teacher_head.weight.T).log_softmax(1), (hidden @ weight.T).log_softmax(1)
    known = TeacherSignal(hidden=theirs, head=teacher_head)
    told = p.clone()
    if stored:
        top = p.topk(4, dim=1)
        known = TeacherSignal(top.indices, top.values)
        # Of a token that is not stored no more is known than that it is one of the others.
        rest = (1 - top.values.exp().sum(1)).log()
        inside = torch.zeros_like(p, dtype=torch.bool).scatter(1, top.indices, True)
        told = torch.where(inside, p, rest[:, None])
    look = Look.at(hidden, Head(weight), known, targets)
    for place, target in enumerate(targets.tolist()):
        assert float(look.entropy[place]) == pytest.approx(float(-(q.exp() * q)[place].sum()))
        assert float(look.confidence[place]) == pytest.approx(float(p[place].max().exp()))
        assert bool(look.agrees[place]) == (int(p[place].argmax()) == int(q[place].argmax()))
        if target == IGNORED:
            assert math.isnan(look.loss[place]) and math.isnan(look.teacher_loss[place])
        else:
            assert float(look.loss[place]) == pytest.approx(-float(q[place, target]))
            assert float(look.teacher_loss[place]) == pytest.approx(-float(told[place, target]))


def test_a_row_without_labels_counts_if_the_teacher_is_sure_throughout() -> None:
    nan = math.nan
    look = _look(loss=[nan, nan, nan, nan, 0.6, 0.6], teacher_loss=[nan, nan, nan, nan, 0.1, 0.1])
    assert Selection(trust=True).of(look, _ROWS).tolist() == [True, True, False, False, True, True]
    assert Selection(trust=True).looks(unlabelled=True)
    assert not Selection(trust=True).looks(unlabelled=False)
    assert Selection().of(look, _ROWS).all()


def test_the_student_needs_it_where_it_is_least_sure() -> None:
    kept = Selection(focus=0.5).of(_look(), _ROWS)
    assert kept.tolist() == [False, True, False, False, True, True]


def test_the_student_needs_it_in_rows_in_which_it_is_behind_its_teacher() -> None:
    # As good as the teacher, twice its loss, six times.
    assert Selection(behind=0.3).of(_look(), _ROWS).tolist() == [False] * 4 + [True] * 2
    assert Selection(behind=0.6).of(_look(), _ROWS).tolist() == [False] * 2 + [True] * 4


@given(
    entropies=st.lists(st.floats(0, 10), min_size=1, max_size=30, unique=True),
    share=st.floats(0.01, 1),
)
def test_of_different_positions_the_share_that_was_asked_for_is_kept(
    entropies: list[float], share: float
) -> None:
    count = len(entropies)
    look = Look(torch.tensor(entropies, dtype=torch.double), *[torch.ones(count, dtype=torch.double)] * 4)
    kept = Selection(focus=share).of(look, torch.arange(count))
    assert int(kept.sum()) == math.ceil(share * count)
    assert look.entropy[kept].min() >= max(look.entropy[~kept].tolist(), default=0.0)
