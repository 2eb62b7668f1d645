"""Statements end at semicolons that are not in quotes and not in comments."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.audit.prompt import is_whole
from factory.audit.statements import split


@pytest.mark.parametrize(
    ("text", "statements", "rest", "inside"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1"], "SELECT 2", False),
        ("SELECT ';' ; ", ["SELECT ';'"], "", False),
        ("SELECT 'it''s; so", [], "SELECT 'it''s; so", True),
        ('SELECT ";"";" ;', ['SELECT ";"";"'], "", False),
        (r"SELECT e'\';';", [r"SELECT e'\';'"], "", False),
        ("SELECT $$;$$; SELECT $a$;$$;$a$;", ["SELECT $$;$$", "SELECT $a$;$$;$a$"], "", False),
        ("SELECT $a$;", [], "SELECT $a$;", True),
        ("SELECT 1 -- one; two\n;", ["SELECT 1 -- one; two"], "", False),
        ("SELECT 1 -- one;", [], "SELECT 1 -- one;", True),
        ("/* ; /* ; */ ; */ SELECT 1;", ["/* ; /* ; */ ; */ SELECT 1"], "", False),
        ("SELECT 1 /* ;", [], "SELECT 1 /* ;", True),
        (" ;; -- nothing\n;", [], "", False),
        ("", [], "", False),
    ],
)
def test_split(text: str, statements: list[str], rest: str, inside: bool) -> None:
    assert split(text) == (statements, rest, inside)


PIECES = [
    "SELECT 1",
    "SELECT ';'",
    'SELECT 1 AS ";"',
    "SELECT $$;'$$",
    "SELECT /* ; ' */ 1",
    "SELECT 1 -- ; '\n",
    "SELECT e'\\';'",
    "\n",
    " ",
]


@given(st.lists(st.sampled_from(PIECES)))
def test_duckdb_sees_the_same_statements(pieces: list[str]) -> None:
    text = ";".join(pieces) + ";"
    assert len(split(text)[0]) == len(duckdb.extract_statements(text))


@given(st.text(alphabet="'\"$;-/*\\eE a\n"))
def test_whatever_is_typed_is_divided_and_not_lost(text: str) -> None:
    statements, rest, _ = split(text)
    kept = "".join([*statements, rest])
    assert all(piece in text for piece in [*statements, rest])
    assert kept.count("'") == text.count("'") or "--" in text or "/*" in text


@pytest.mark.parametrize(
    "text", ["", "  \n", "\\d", " \\?", "SELECT 1;", "SELECT 1; \n", "SELECT 1; SELECT 2;"]
)
def test_whole(text: str) -> None:
    assert is_whole(text)


@pytest.mark.parametrize(
    "text", ["SELECT 1", "SELECT ';", "SELECT 1; SELECT", "SELECT 1; -- more", "-- a comment"]
)
def test_not_whole(text: str) -> None:
    assert not is_whole(text)
