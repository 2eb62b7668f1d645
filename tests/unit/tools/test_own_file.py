"""A file of one's own tools is taken, or refused with the line that has to be mended."""

from pathlib import Path

import pytest

from factory.errors import InputError
from factory.tools.sandbox import CustomTools
from tests.support.custom_tools import LIMITS, SHORT, spec


@pytest.mark.parametrize(
    ("source", "place", "why"),
    [
        ("def add(a, b:\n", ":1:", "not valid Python"),
        ("\n\ndef add(a, b):\nreturn 1", ":4:", "not valid Python"),
        ("x = '\0'", ":1:", "not valid Python"),
        ("(" * 100_000, ":1:", "not valid Python"),
        ("x = 1", ":1:", "no function 'add'"),
        ("class T:\n    def add(self, a, b): pass", ":1:", "no function 'add'"),
        ("\nasync def add(a, b): pass", ":2:", "async"),
        ("\ndef add(a): pass", ":2:", "argument 'b'"),
        ("def add(a, b, /): pass", ":1:", "argument 'a'"),
        ("def add(a, b, c): pass", ":1:", "'c', which its schema does not require"),
        ("def add(a, b, *, c): pass", ":1:", "'c', which its schema does not require"),
    ],
)
def test_a_file_that_cannot_hold_the_tools_is_refused_unrun(
    tmp_path: Path, source: str, place: str, why: str
) -> None:
    path = tmp_path / "own.py"
    path.write_text(source)
    with pytest.raises(InputError) as caught:
        CustomTools(path, [spec("add", a={}, b={})], LIMITS)
    assert f"{path}{place}" in caught.value.message
    assert why in caught.value.message


@pytest.mark.parametrize(
    ("names", "function"),
    [(["a-b", "a_b"], "a_b"), (["class", "class_"], "class_"), (["x-y-z", "x_y-z", "add"], "x_y_z")],
)
def test_two_tools_of_one_function_are_refused(tmp_path: Path, names: list[str], function: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(f"def {function}(): pass\n\ndef add(): pass\n")
    with pytest.raises(InputError, match=f"{names[0]} and {names[1]} would both be the function"):
        CustomTools(path, [spec(name) for name in names], LIMITS)


@pytest.mark.parametrize("content", [None, b"\xff", b"#" * (1 << 21)])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "own.py"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"own\.py"):
        CustomTools(path, [spec("add", a={}, b={})], LIMITS)


@pytest.mark.parametrize(
    "line", ["1 / 0", "open('/etc/passwd')", "while True: pass", "import os; os._exit(1)", "raise SystemExit"]
)
def test_a_file_that_cannot_be_loaded_is_the_persons_to_mend(tmp_path: Path, line: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(f"def add(a, b): return a\n{line}\n")
    with pytest.raises(InputError, match="cannot be loaded"):
        CustomTools(path, [spec("add", a={}, b={})], SHORT)


def test_functions_with_defaults_and_keywords_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text("def add(a, b=2, *, c=3, **rest): return [a, b, c, rest]\n")
    with CustomTools(path, [spec("add", a={}, d={})], LIMITS) as own:
        assert own.run("add", {"a": 1, "d": 4}) == '[1,2,3,{"d":4}]'


def test_the_source_id_follows_the_source(tmp_path: Path) -> None:
    ids = set()
    for number in (1, 2, 1):
        path = tmp_path / f"own{number}.py"
        path.write_text(f"def add(a, b): return {number}\n")
        with CustomTools(path, [spec("add", a={}, b={})], LIMITS) as own:
            ids.add(own.source_id)
    assert len(ids) == 2
