"""What is tried next: everything once, nothing twice, the same after a cut, and sooner what is good."""

import pytest

pytest.importorskip("optuna")

from factory.search.study import Choice, Study

SPACE: dict[str, tuple] = {"rank": (4, 8, 16), "mlp": (0.0, 0.25), "quantize": ("none", "w8a8-dynamic")}


def _values(choice: Choice) -> tuple[float, float, float]:
    size = 100 * (1 - choice["mlp"]) * (1 if choice["quantize"] == "none" else 0.5)
    return choice["rank"] / 16 - choice["mlp"], size, size / 50


def _all_of(study: Study, most: int = 100) -> list[Choice]:
    found: list[Choice] = []
    while len(found) < most and (choice := study.ask()) is not None:
        found.append(choice)
        study.tell(
            choice, None if choice["rank"] == 4 else _values(choice), {"bytes": _values(choice)[1] / 60 - 1}
        )
    return found


def test_every_combination_once_and_then_none() -> None:
    found = _all_of(Study(SPACE, 1))
    assert len(found) == 12
    assert all(found.count(one) == 1 for one in found)


def test_a_search_that_was_cut_goes_on_as_it_would_have() -> None:
    whole = _all_of(Study(SPACE, 7), 8)
    study = Study(SPACE, 7)
    for choice in whole[:5]:
        study.tell(
            choice, None if choice["rank"] == 4 else _values(choice), {"bytes": _values(choice)[1] / 60 - 1}
        )
    assert _all_of(study, 3) == whole[5:]


def test_what_is_good_is_tried_sooner_than_by_chance() -> None:
    space = {name: tuple(range(5)) for name in ("a", "b")}
    places = []
    for seed in range(12):
        study, tried = Study(space, seed), 0
        while (choice := study.ask()) is not None:
            tried += 1
            if choice == {"a": 3, "b": 3}:
                break
            distance = abs(choice["a"] - 3) + abs(choice["b"] - 3)
            study.tell(choice, (1.0 - distance / 10, 1.0 + distance, 1.0 + distance), {})
        places.append(tried)
    # By chance it would be the thirteenth of twenty-five.
    assert sum(places) / len(places) < 10
