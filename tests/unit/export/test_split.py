"""Splits by seed, never by row."""

import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import FactoryError, InputError
from factory.seeds.split import side
from factory.workspace import Workspace
from tests.support.export_stores import export_to, make_store, many, read_lines


@given(st.text(), st.floats(0, 0.99), st.floats(0, 0.99))
def test_a_greater_share_only_adds_seeds_to_validation(seed: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert side(seed, less) == "train" or side(seed, more) == "validation"
    assert side(seed, 0) == "train"


def test_sides_stay_from_version_to_version() -> None:
    assert [place for place in range(20) if side(f"b2:seed{place}", 0.25) == "validation"] == [4, 6, 13, 19]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A store of 900 samples of 300 seeds."""
    return make_store(tmp_path_factory.mktemp("crowded"), many(900, seeds=300))


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_no_seed_is_on_both_sides(crowded: Workspace, tmp_path: Path, share: float) -> None:
    export_to(crowded, tmp_path / "out", validation=share)
    sides = defaultdict(set)
    for split in ("train", "validation"):
        for row in read_lines(tmp_path / "out" / f"{split}.jsonl"):
            sides[row["seed_id"]].add(split)
    assert len(sides) == 300
    assert {len(found) for found in sides.values()} == {1}
    assert abs(sum(found == {"validation"} for found in sides.values()) / 300 - share) < 0.06

    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    shutil.rmtree(tmp_path / "out")
    export_to(crowded, tmp_path / "out", validation=share)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_without_a_share_there_is_only_train(tmp_path: Path) -> None:
    export_to(make_store(tmp_path / "w", many(40, seeds=20)), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "train.jsonl"]


def test_an_empty_train_is_an_error(tmp_path: Path) -> None:
    workspace = make_store(tmp_path / "w", many(4, seeds=1))
    with pytest.raises(FactoryError, match="all 4 rows are in the validation split"):
        export_to(workspace, tmp_path / "out", validation=0.9)
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


@pytest.mark.parametrize("share", [-0.1, 1, 7, float("nan")])
def test_a_share_that_is_none_is_refused(crowded: Workspace, tmp_path: Path, share: float) -> None:
    with pytest.raises(InputError, match="--validation"):
        export_to(crowded, tmp_path / "out", validation=share)
