"""A text is the same in every encoding that people's programs write, for recipes as for seeds."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import InputError
from factory.recipe.load import load_recipe
from factory.text.decode import as_utf8, decode
from tests.support.scripted import project

MARKED = ["utf-8-sig", "utf-16", "utf-32"]
texts = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: not text.startswith("\ufeff"))


@given(texts, st.sampled_from(MARKED))
def test_a_mark_decides(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=2))
def test_utf_16_without_a_mark(text: str) -> None:
    assert decode(text.encode("utf-16-le")) == decode(text.encode("utf-16-be")) == text


@given(texts.filter(lambda text: "\0" not in text))
def test_utf_8_is_itself(text: str) -> None:
    assert as_utf8(text.encode()) == text.encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (codecs.BOM_UTF16_LE + b"a\0b", "begins as UTF-16 and is damaged"),
        (codecs.BOM_UTF32_BE + b"abc", "begins as UTF-32 and is damaged"),
        (b"one\ntwo\nthr\xe9e", "line 3 is not UTF-8"),
    ],
)
def test_what_cannot_be_decoded(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode(data)


@pytest.mark.parametrize("encoding", [*MARKED, "utf-16-le"])
def test_a_recipe_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    path = project(tmp_path, "tool_call", "count: 4")
    path.write_bytes(path.read_text().encode(encoding))
    assert load_recipe(path).recipe.data.count == 4
    path.write_bytes(codecs.BOM_UTF16_LE + b"a\0b")
    with pytest.raises(InputError, match="begins as UTF-16 and is damaged"):
        load_recipe(path)


@pytest.mark.parametrize("seeds", ["org/seeds.jsonl.gz", "org/seeds.tsv", "org/seeds.zip", "org/seeds.JSON"])
def test_a_file_that_is_not_there_is_no_hub_id(tmp_path: Path, seeds: str) -> None:
    path = project(tmp_path, "tool_call", "count: 4")
    path.write_text(path.read_text().replace("seeds: seeds.jsonl", f"seeds: {seeds}"))
    with pytest.raises(InputError, match="was not found"):
        load_recipe(path)
