"""What was committed is there, whole, whatever is done to the process that wrote it; and what is not there is
not written."""

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import FactoryError
from factory.store.store import Store
from factory.workspace import Workspace
from tests.support.sample_rows import Rows, finished, generation, log_rows, make_workspace, open_store

FLOATS = st.lists(st.floats(width=32), max_size=8)
TEXT = st.text(alphabet=st.characters(codec=None), max_size=40)  # lone surrogates included
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)
STAGE = {"run_id": "r", "stage": "check", "seconds": 1.0, "peak_memory_bytes": 1, "detail": "d"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One open store for many examples."""
    with open_store(Workspace(tmp_path_factory.mktemp("shared"))) as store:
        yield store


def whole(text: str) -> str:
    """What the store makes of a text: lone surrogates, which UTF-8 cannot hold, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def bits(values: list[float]) -> bytes:
    # A NaN has many spellings in bits, and only one meaning.
    return b"".join(struct.pack("<f", math.nan if value != value else value) for value in values)


@settings(max_examples=40)
@given(TEXT, FLOATS, st.lists(FLOATS, max_size=4), st.lists(TEXT, max_size=4), VALUES)
def test_every_value_comes_back(
    shared: Store, text: str, floats: list[float], topk: list[list[float]], parents: list[str], value: Any
) -> None:
    key = f"k{shared.query('SELECT count(*) AS n FROM generations')[0]['n']}"
    sample = finished()["samples"][0] | {"sample_id": key, "parents": parents, "call": value, "answer": text}
    shared.commit(
        generations=[generation(key, text, token_logprobs=floats, topk_logprobs=topk)], samples=[sample]
    )

    (row,) = shared.query(
        (
            "SELECT g.*, s.parents, s.call, s.answer FROM generations g "
            "JOIN samples s ON s.sample_id = g.request_key WHERE g.request_key = ?"
        ),
        [key],
    )
    assert row["text"] == row["answer"] == whole(text)
    assert bits(row["token_logprobs"]) == bits(floats)
    assert [bits(inner) for inner in row["topk_logprobs"]] == [bits(inner) for inner in topk]
    assert row["parents"] == [whole(parent) for parent in parents]
    assert (row["call"] and json.loads(row["call"])) == json.loads(
        whole(json.dumps(value, ensure_ascii=False))
    )


def test_hostile_text_comes_back(tmp_path: Path) -> None:
    texts = ["a\0b", "\u202eabc\u2066", "\ud800", "\x1b[31m", "x" * 1_000_000, "", "e\u0301\u200d"]
    workspace = make_workspace(
        tmp_path, *({"generations": [generation(f"k{place}", text)]} for place, text in enumerate(texts))
    )
    with open_store(workspace) as store:
        assert [
            row["text"] for row in store.query("SELECT text FROM generations ORDER BY request_key")
        ] == list(map(whole, texts))


def test_a_column_that_only_a_later_row_names_is_kept(tmp_path: Path) -> None:
    first, second = log_rows(2)
    verdict = finished()["verdicts"][0]
    short = {name: value for name, value in verdict.items() if name not in ("score", "detail")}
    with open_store(make_workspace(tmp_path, {"training_log": [first]})) as store:
        store.commit(
            training_log=[second],
            verdicts=[short, verdict | {"sample_id": "other", "score": 0.5, "detail": "why"}],
        )
        assert store.query("SELECT score, detail FROM verdicts ORDER BY score NULLS FIRST") == [
            {"score": None, "detail": None},
            {"score": 0.5, "detail": "why"},
        ]


def test_nothing_to_add_is_no_batch(tmp_path: Path) -> None:
    with open_store(Workspace(tmp_path)) as store:
        assert store.commit(training_log=[], verdicts=[]) == 0
        assert store.commit(training_log=log_rows(1)) == 1
        assert store.commit(training_log=[]) == 1


BAD: dict[str, tuple[Rows, type[Exception]]] = {
    "a value of the wrong type": ({"training_log": [{**log_rows(1)[0], "value": "much"}]}, FactoryError),
    "a number that is too large": ({"training_log": [{**log_rows(1)[0], "step": 2**70}]}, Exception),
    "a missing value": ({"training_log": [{"artifact_id": "a", "stage": "sft"}]}, FactoryError),
    "a key that is there": ({"generations": [generation("k")]}, FactoryError),
    "a key twice in the batch": ({"generations": [generation("new"), generation("new")]}, FactoryError),
    "a column that there is not": ({"training_log": [{**log_rows(1)[0], "colour": "red"}]}, ValueError),
    "a table that there is not": ({"no_such_table": [{"a": 1}]}, KeyError),
    "a value that is no JSON": ({"generations": [generation("new", messages=object())]}, TypeError),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_row_leaves_nothing_of_its_batch(tmp_path: Path, why: str) -> None:
    bad, error = BAD[why]
    workspace = make_workspace(tmp_path, {"generations": [generation("k")]})
    with open_store(workspace) as store:
        with pytest.raises(error):
            store.commit(**({"stages": [STAGE]} | bad))
        assert store.query("SELECT count(*) AS n FROM stages") == [{"n": 0}]
        assert store.query("SELECT request_key FROM generations") == [{"request_key": "k"}]
        assert len(workspace.ledger.entries()) == 1
        assert store.commit(training_log=log_rows(2)) == 2, (
            "the number of the refused batch is given to the next"
        )


def test_an_interruption_within_a_commit_leaves_nothing_of_its_batch(tmp_path: Path) -> None:
    def interrupted() -> Iterator[str]:
        raise KeyboardInterrupt
        yield ""

    sample = finished()["samples"][0] | {"parents": interrupted()}
    with open_store(Workspace(tmp_path)) as store:
        with pytest.raises(KeyboardInterrupt):
            store.commit(stages=[STAGE], samples=[sample])
        assert store.commit(training_log=log_rows(1)) == 1
        assert store.query("SELECT count(*) AS n FROM stages") == [{"n": 0}]
