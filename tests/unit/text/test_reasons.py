"""Reason codes: each has a sentence and is produced somewhere; invented and dynamic ones are told in
words."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import factory
from factory.text.reasons import SENTENCES, ReasonCode, sentence

ROOT = Path(factory.__file__).parent
# What takes a code as a literal, and at which place.
TAKES = {"Verdict": 1, "CallFault": 0, "JsonFault": 0, "Words": 3, "_faulty": 3}
NAMES = ("reason", "fault")


def modules() -> dict[str, str]:
    return {
        path.relative_to(ROOT.parent).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(ROOT.rglob("*.py"))
    }


def literals(value: ast.expr) -> Iterator[ast.Constant]:
    """Yield the texts that an expression can be, `"a" if late else "b"` and `found or "c"` included."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value
    elif isinstance(value, ast.IfExp):
        yield from (*literals(value.body), *literals(value.orelse))
    elif isinstance(value, ast.BoolOp):
        for part in value.values:
            yield from literals(part)


def reasons(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what a call or an assignment gives as a reason."""
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if (place := TAKES.get(called)) is not None:
            yield from node.args[place : place + 1]
            yield from (keyword.value for keyword in node.keywords if keyword.arg in NAMES)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        targets, values = [target], [node.value]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            targets, values = target.elts, node.value.elts
        yield from (
            value for one, value in zip(targets, values, strict=True) if getattr(one, "id", "") in NAMES
        )


def unknown(name: str, text: str) -> list[str]:
    """Return `FILE:LINE: CODE` for each literal that is given as a reason and has no sentence."""
    return [
        f"{name}:{literal.lineno}: {literal.value}"
        for node in ast.walk(ast.parse(text))
        for value in reasons(node)
        for literal in literals(value)
        if literal.value and literal.value not in SENTENCES
    ]


def test_every_literal_reason_has_a_sentence() -> None:
    assert [line for name, text in modules().items() for line in unknown(name, text)] == []


@pytest.mark.parametrize(
    "line",
    [
        'Verdict(False, "too_dull")',
        'Verdict(False, "too_dull" if late else "cut_off")',
        'Verdict(False, reason="too_dull")',
        'raise CallFault("too_dull", "yawn")',
        'fault = "too_dull"',
        'fault, detail = "too_dull", str(error)',
    ],
)
def test_a_literal_without_a_sentence_is_found_with_its_line(line: str) -> None:
    assert unknown("factory/checks/dull.py", f"\n{line}\n") == ["factory/checks/dull.py:2: too_dull"]


def test_the_type_checker_and_the_people_have_the_same_codes() -> None:
    assert set(get_args(ReasonCode)) == set(SENTENCES)


def test_every_code_is_produced_somewhere() -> None:
    written = {
        node.value
        for name, text in modules().items()
        if name != "factory/text/reasons.py"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(set(SENTENCES) - written) == []


def test_sentences_are_short_and_tell_the_codes_apart() -> None:
    assert len(set(SENTENCES.values())) == len(SENTENCES)
    # As long as a legend in the report is.
    assert [code for code, text in SENTENCES.items() if not 5 < len(text) <= 54 or text == code] == []


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("refused_413", "the server refused this request as wrong (HTTP 413)"),
        ("failed_timeout", "every attempt at this request failed, at last with timeout"),
        ("failed_http_503", "every attempt at this request failed, at last with HTTP 503"),
        ("too_dull", "too dull"),
        ("64 samples were accepted", "64 samples were accepted"),
        ("<b>\x1b_", "<b>\x1b_"),
        ("", ""),
    ],
)
def test_a_code_with_a_dynamic_part_and_one_of_a_person(code: str, text: str) -> None:
    assert sentence(code) == text
