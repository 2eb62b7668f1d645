"""How many grammars are tried is bounded by seconds: what was not begun is left out and is no fault."""

import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from factory.inference import schema_grammar
from factory.inference.schema_grammar import Kept, examine

ENDED = Kept([], "the compiler of grammars ended with exit code 9")
ONE, TWO = {"type": "object", "title": "one"}, {"type": "object", "title": "two"}


@pytest.mark.parametrize(
    ("printed", "seconds", "found"),
    [
        ('["a", [], ""]\nlate\n', 5.0, {"a": Kept([])}),
        ("late\n", 5.0, {}),
        ('["a", [], ""]\n["b", [], "Invalid range"]\n', 5.0, {"a": Kept([]), "b": Kept([], "Invalid range")}),
        # It ended without a word: what it was at is to blame.
        ('["a", [], ""]\n', 5.0, {"a": Kept([]), "b": ENDED}),
        ("", None, {"a": ENDED}),
    ],
)  # fmt: skip
def test_what_was_not_begun_is_left_out(
    monkeypatch: pytest.MonkeyPatch, printed: str, seconds: float | None, found: dict[str, Kept]
) -> None:
    def run(*_: Any, **__: Any) -> Any:
        return SimpleNamespace(stdout=f"ready\n{printed}", returncode=9)

    monkeypatch.setattr(subprocess, "run", run)
    schema_grammar._examined.cache_clear()
    assert examine({"a": ONE, "b": TWO}, seconds) == found
    schema_grammar._examined.cache_clear()
