"""Hugging Face datasets: folders that `save_to_disk` wrote, and ids, as far as they can be tried without a
network."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from factory.errors import FactoryError, InputError
from tests.support.seeds import load_seeds

datasets = pytest.importorskip("datasets")

ROWS = [
    {"question": "How many eggs?", "answer": "Two and two. #### 4", "level": 1},
    {"question": "How many hens?", "answer": "I do not know.", "level": 2},
    {"question": "How many cocks?", "answer": "#### 1,000", "level": None},
]


def split(rows: list[dict[str, Any]] = ROWS) -> Any:
    return datasets.Dataset.from_list(rows)


def test_a_saved_dataset(tmp_path: Path) -> None:
    split().save_to_disk(tmp_path / "egg tasks")
    file = load_seeds(tmp_path / "egg tasks", "rationale")
    assert [(seed.name, seed.reference, seed.source, seed.line) for seed in file.seeds] == [
        ("egg tasks-1", "4", "egg tasks", 1),
        ("egg tasks-3", "1000", "egg tasks", 3),
    ]
    assert [(fault.line, fault.source) for fault in file.faults] == [(2, str(tmp_path / "egg tasks"))]
    with pytest.raises(InputError, match="has no splits"):
        load_seeds(tmp_path / "egg tasks", "rationale", split="train")


def test_the_splits_of_a_saved_dataset(tmp_path: Path) -> None:
    datasets.DatasetDict({"test": split(ROWS[:1]), "train": split()}).save_to_disk(tmp_path / "both")
    assert len(load_seeds(tmp_path / "both", "rationale").seeds) == 2
    assert len(load_seeds(tmp_path / "both", "rationale", split="test").seeds) == 1
    with pytest.raises(InputError, match="no split 'dev'") as caught:
        load_seeds(tmp_path / "both", "rationale", split="dev")
    assert "test, train" in caught.value.hint


def test_a_saved_dataset_of_a_format_that_nobody_knows(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"x": [1, 2]}).save_to_disk(tmp_path / "x")
    file = load_seeds(tmp_path / "x", "rationale")
    assert [fault.line for fault in file.faults] == [1, 2]
    assert "its fields are: x" in file.faults[0].reason


def test_a_saved_dataset_that_is_damaged(tmp_path: Path) -> None:
    split().save_to_disk(tmp_path / "a")
    (arrow,) = (tmp_path / "a").glob("*.arrow")
    arrow.write_bytes(arrow.read_bytes()[:100])
    with pytest.raises(InputError, match="cannot be read as a dataset"):
        load_seeds(tmp_path / "a", "rationale")


def test_an_id_is_asked_for_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def load_dataset(**named: Any) -> Any:
        asked.append(named)
        return datasets.DatasetDict({"train": split()})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    file = load_seeds("farm/eggs", "rationale", limit=1)
    load_seeds("farm/eggs:main@0123abc", "rationale", split="train", columns={"question": "question"})
    assert [(seed.name, seed.source) for seed in file.seeds] == [("eggs-1", "farm/eggs")]
    assert asked == [
        {"path": "farm/eggs", "name": None, "revision": None},
        {"path": "farm/eggs", "name": "main", "revision": "0123abc"},
    ]


@pytest.mark.parametrize(
    "error", [ConnectionError("no network\nat all"), ValueError("Config name is missing"), RuntimeError()]
)
def test_an_id_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def load_dataset(**_: Any) -> Any:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(FactoryError, match=f"farm/eggs cannot be loaded: {type(error).__name__}") as caught:
        load_seeds("farm/eggs", "rationale")
    assert "\n" not in caught.value.message


def test_the_real_library_without_a_network(tmp_path: Path) -> None:
    code = "from tests.support.seeds import load_seeds; load_seeds('farm/eggs', 'rationale')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "FactoryError: the dataset farm/eggs cannot be loaded" in done.stderr


@pytest.mark.parametrize("name", ["data/none.jsonl", "a/b/c", "none", "../up", "a/b c", "a/b.csv", ""])
def test_what_is_no_id_is_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        load_seeds(name, "rationale")


def test_a_path_is_no_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        load_seeds(Path("farm/eggs"), "rationale")


def test_classes_of_a_dataset_are_read_by_their_names(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "sentence": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["bad", "good"]),
            "idx": datasets.Value("int32"),
        }
    )
    rows = [
        {"sentence": "Fine.", "label": 1, "idx": 0},
        {"sentence": "Dull.", "label": 0, "idx": 1},
        {"sentence": "Hm.", "label": -1, "idx": 2},
        {"sentence": "Oh.", "label": None, "idx": 3},
    ]
    datasets.Dataset.from_list(rows, features=features).save_to_disk(tmp_path / "said")
    file = load_seeds(tmp_path / "said", "label")
    assert [(seed.question, seed.reference) for seed in file.seeds] == [
        ("Fine.", "good"),
        ("Dull.", "bad"),
        ("Hm.", ""),
        ("Oh.", ""),
    ]
    mapped = load_seeds(tmp_path / "said", "label", columns={"text": "sentence", "label": "label"})
    assert [seed.reference for seed in mapped.seeds] == ["good", "bad", "", ""]
