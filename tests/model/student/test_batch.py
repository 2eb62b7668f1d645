"""Rows of like length stand together, none is lost, and the order follows from seed and epoch."""

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from factory.student.batch import Collator, LengthGroups, spans  # noqa: E402


@settings(max_examples=40)
@given(
    lengths=st.lists(st.integers(1, 500), min_size=1, max_size=300),
    size=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_every_row_is_taken_once_and_a_short_batch_comes_last(
    lengths: list[int], size: int, seed: int
) -> None:
    groups = LengthGroups(lengths, size, seed)
    order = list(groups)
    assert sorted(order) == list(range(len(lengths)))
    assert order == list(LengthGroups(lengths, size, seed))
    groups.set_epoch(1)
    assert sorted(groups) == list(range(len(lengths)))


def test_like_lengths_stand_together_and_epochs_differ() -> None:
    lengths = [i % 97 for i in range(400)]
    groups = LengthGroups(lengths, 8, 1)
    first = list(groups)

    def padding(order: list[int]) -> int:
        batches = [[lengths[i] for i in order[at : at + 8]] for at in range(0, len(order), 8)]
        return sum(max(batch) * len(batch) - sum(batch) for batch in batches)

    assert padding(first) < 0.1 * padding(list(range(400)))
    groups.set_epoch(1)
    assert list(groups) != first


def test_padding_is_masked_on_either_side() -> None:
    collator = Collator(7)
    right = collator.padded("ids", "mask", [[7, 2], [3]])
    left = collator.padded("ids", "mask", [[7, 2], [3]], left=True)
    assert (right["ids"].tolist(), right["mask"].tolist()) == ([[7, 2], [3, 7]], [[1, 1], [1, 0]])
    assert (left["ids"].tolist(), left["mask"].tolist()) == ([[7, 2], [7, 3]], [[1, 1], [0, 1]])


def test_places_with_fewer_stored_tokens_are_empty() -> None:
    row = {
        "input_ids": [1, 2],
        "labels": [1, 2],
        "topk_ids": [[4, 5], [6]],
        "topk_logprobs": [[-1.0, -2.0], [-0.5]],
    }
    batch = Collator(0)([row, row])
    assert batch["topk_ids"].tolist() == [[4, 5], [6, 0]] * 2
    assert batch["topk_logprobs"].tolist() == [[-1.0, -2.0], [-0.5, -torch.inf]] * 2


def test_spans() -> None:
    assert spans((2, 4), torch.tensor([1, 0]), torch.tensor([2, 0])).tolist() == [
        [False, True, True, False],
        [False] * 4,
    ]
