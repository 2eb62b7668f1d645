"""Of those that say the same one is kept, whichever way they come."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from factory.checks.dedup import DedupCheck

CHECK = DedupCheck("b2:plan")
Row = dict[str, Any]


def row(position: int, content: str, *, clean: bool = True, standing: bool = False) -> Row:
    return {"sample_id": f"s{position}", "content_id": content, "position": position, "clean": clean, "standing": standing}


contents = st.sampled_from(["a", "b", "c"])
rows = st.lists(st.tuples(contents, st.booleans()), max_size=12).map(
    lambda drawn: [row(position, content, clean=clean) for position, (content, clean) in enumerate(drawn)]
)


def kept(samples: list[Row]) -> set[str]:
    return {sample_id for sample_id, verdict in CHECK.judge_all(samples).items() if verdict.passed}


@given(rows.flatmap(lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))))
def test_the_order_of_the_rows_does_not_matter(pair: tuple[list[Row], list[Row]]) -> None:
    in_order, shuffled = pair
    assert CHECK.judge_all(in_order) == CHECK.judge_all(shuffled)


@given(rows)
def test_one_of_each_is_kept_the_first_clean_one(samples: list[Row]) -> None:
    verdicts = CHECK.judge_all(samples)
    assert set(verdicts) == {sample["sample_id"] for sample in samples}
    for content in {sample["content_id"] for sample in samples}:
        same = [sample for sample in samples if sample["content_id"] == content]
        first = next((sample for sample in same if sample["clean"]), same[0])["sample_id"]
        assert [sample["sample_id"] for sample in same if verdicts[sample["sample_id"]].passed] == [first]
        failed = [verdicts[sample["sample_id"]] for sample in same if sample["sample_id"] != first]
        assert {(verdict.reason, verdict.detail) for verdict in failed} <= {("duplicate", first)}


@given(rows, st.data())
def test_what_stands_stays(samples: list[Row], data: st.DataObject) -> None:
    before = kept(samples)
    late = data.draw(st.lists(st.tuples(st.integers(-20, -1), contents, st.booleans()), unique_by=lambda item: item[0], max_size=6))
    standing = [sample | {"standing": sample["sample_id"] in before} for sample in samples]
    after = kept(standing + [row(position, content, clean=clean) for position, content, clean in late])
    assert before <= after
    everything = {content for _, content, _ in late} | {sample["content_id"] for sample in samples}
    assert len(after) == len(everything)


def test_nothing_to_judge() -> None:
    assert CHECK.judge_all([]) == {}


class Counted(str):
    """A content id that counts how often it is compared with another."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_a_flood_of_copies_costs_one_comparison_each() -> None:
    copies = 20_000
    verdicts = CHECK.judge_all(row(position, Counted("b2:same")) for position in range(copies))
    assert Counter(verdict.reason for verdict in verdicts.values()) == {"ok": 1, "duplicate": copies - 1}
    assert Counted.comparisons <= 2 * copies
