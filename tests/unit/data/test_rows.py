"""A rule for each row tells every row that breaks it."""

import pytest

from tests.support.data_rows import Row, for_each

ROWS = [{"id": "one", "size": 1}, {"id": "two", "size": 2}, {"id": "three"}]


def test_every_fault_is_told_with_its_row() -> None:
    @for_each(ROWS)
    def small(task: Row) -> None:
        assert task["size"] < 2, "too large"

    with pytest.raises(AssertionError) as caught:
        small()
    told = str(caught.value)
    assert "two: AssertionError: too large" in told and "three: KeyError" in told and "one:" not in told
    assert small.__name__ == "small"


def test_rows_that_keep_the_rule_pass() -> None:
    seen = []
    for_each(ROWS)(lambda task: seen.append(task["id"]))()
    assert seen == ["one", "two", "three"]
