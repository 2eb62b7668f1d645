"""A formula in the LaTeX that the library of mathematics reads, made of text that is a formula all through.

Promise: what comes out says the same and nothing else, because every sign is looked at: a word, a prime, a
second number in a row or a command that is not known makes it no formula. Numbers are exact (`0.5` becomes a
fraction). It is small: `TooLarge` is raised for what is long, deep, or raises to great powers.
"""

import re
from math import prod

from factory.text.answers.listed import listed

MAX_CHARACTERS = 300
MAX_DEPTH = 12
MAX_DIGITS = 30
MAX_POWER = 400
MAX_FACTORIAL = 400
MAX_RAISED = 10_000  # of exponents multiplied, where a power is raised again
MAX_POWERS = 12

_FUNCTIONS = frozenset(listed("sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp"))
_GREEK = frozenset(
    listed(
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
        "pi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi "
        "Psi Omega"
    )
)
_STRUCTURE = frozenset({"frac", "sqrt", "binom", "lfloor", "rfloor", "lceil", "rceil"})
_KNOWN = _FUNCTIONS | _GREEK | _STRUCTURE
_TOKEN = re.compile(r"\d+(?:\.\d+)?|\.\d+|\\[A-Za-z]+|[A-Za-z]+|[-+*/^_(){}\[\]|!∞°×]|\s+|(?P<strange>.)")
_GREEK_NAMES = listed(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi chi psi "
    "omega Delta Theta Lambda Sigma Phi Psi Omega"
)
_GREEK_LETTERS = dict(zip("αβγδεζηθικλμνξρστφχψωΔΘΛΣΦΨΩ", _GREEK_NAMES, strict=True))
_GREEK_LETTER = re.compile(f"[{''.join(_GREEK_LETTERS)}]")
_NUMERIC = tuple("0123456789.")
_CALLED = frozenset("fghFGH")
# Numbers alone, whose exponent has a power in it, grow beyond any bound.
_TOWER = re.compile(r"\d\s*[)}]*\s*\^\s*[({\s]*\d[^(){}]*\^|\^\s*\{[^{}]*\}\s*\^")

_RAISED_AGAIN = re.compile(r"\}\s*[)}]+\s*\^")


class TooLarge(ValueError):
    """A formula that is not worked out because of its size; the message says which."""


def to_latex(text: str) -> str | None:
    """Return the LaTeX of a spelt text, None if it is no formula; raise TooLarge."""
    if not text or not any(sign.isalnum() or sign == "∞" for sign in text):
        return None
    text = _GREEK_LETTER.sub(lambda letter: rf"\{_GREEK_LETTERS[letter.group()]} ", text)
    tokens: list[str] = []
    for found in _TOKEN.finditer(text[: MAX_CHARACTERS + 1]):
        if found["strange"]:
            return None
        if not found.group().isspace():
            tokens.append(found.group())
        elif tokens and tokens[-1] != " ":
            tokens.append(" ")
    if len(text) > MAX_CHARACTERS:
        raise TooLarge(f"a formula of more than {MAX_CHARACTERS} characters")
    made = _joined(tokens)
    if made is not None:
        _require_small(made)
    return made


def _joined(tokens: list[str]) -> str | None:
    made: list[str] = []
    roots: list[int] = []  # how many brackets are open where one of `sqrt(` was
    depth = 0
    plain = len([token for token in tokens if token != " "]) == 1
    for place, token in enumerate(tokens):
        after = next((one for one in tokens[place + 1 :] if one != " "), "")
        before = next((one for one in reversed(tokens[:place]) if one != " "), "")
        if token == " ":
            # Two numbers in a row are a list, a date, anything.
            if before[-1:].isdigit() and after[:1] in _NUMERIC and tokens[place - 2 : place - 1] != ["_"]:
                return None
            made.append(" ")
        elif token[0].isdigit() or token[0] == ".":
            if before[-1:].isalpha() and before[0] != "\\" and before[0] != "_" and tokens[place - 1] != " ":
                return None  # x2: a name or a power?
            made.append(_number(token))
        elif token[0] == "\\":
            if token[1:] not in _KNOWN:
                return None
            made.append(token + " ")
        elif token[0].isalpha():
            word = _word(token, plain=plain)
            if word is None:
                return None
            if word == r"\sqrt ":
                if after not in ("(", "{"):
                    return None
                if after == "(":
                    roots.append(depth)
            made.append(word)
            if after == "(" and len(token) == 1 and token not in _CALLED:
                made.append(r" \cdot ")
        elif token == "(":
            depth += 1
            made.append("{" if roots and roots[-1] == depth - 1 and before == "sqrt" else "(")
        elif token == ")":
            depth -= 1
            if depth < 0:
                return None
            made.append("}" if roots and roots[-1] == depth else ")")
            if roots and roots[-1] == depth:
                roots.pop()
            if after == "(":
                made.append(r" \cdot ")
        elif token == "_" and not before[-1:].isalpha():
            return None  # 1010_2: a number in another base
        elif token == "∞":
            made.append(r"\infty ")
        elif token == "°":
            return None
        else:
            made.append({"*": r" \cdot ", "×": r" \cdot "}.get(token, token))
    text = "".join(made).strip()
    return None if depth or text.count("{") != text.count("}") else _powers(text)


def _word(token: str, *, plain: bool) -> str | None:
    """A run of letters: a function's name, or a product of two letters; a word is none."""
    if token in _FUNCTIONS or token in ("sqrt", "pi"):
        return rf"\{token} "
    # Alone, two letters are a word as likely: `no`, `AC`.
    return token if len(token) == 1 or (len(token) == 2 and not plain) else None


def _number(token: str) -> str:
    if len(token) > MAX_DIGITS:
        raise TooLarge(f"a number of more than {MAX_DIGITS} digits")
    whole, _, decimals = token.partition(".")
    decimals = decimals.rstrip("0")
    return (
        rf"\frac{{{int(whole + decimals or '0')}}}{{{10 ** len(decimals)}}}"
        if decimals
        else str(int(whole or 0))
    )


def _powers(text: str) -> str:
    """Put braces around what is raised to: `x^10`, `x^(n+1)`, `x^-1`."""
    text = re.sub(r"\^\s*([-+]?\d+|[-+]?[A-Za-z])", r"^{\1}", text)
    return re.sub(r"\^\s*\(([^()]*)\)", r"^{\1}", text)


def _require_small(text: str) -> None:
    depth = deepest = 0
    for sign in text:
        depth += (sign in "({[") - (sign in ")}]")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise TooLarge(f"brackets are nested more than {MAX_DEPTH} deep")
    if _TOWER.search(text):
        raise TooLarge("a power is raised to a power")
    if text.count("^") > MAX_POWERS or text.count("!") > 4:
        raise TooLarge("too many powers or factorials")
    powers = [int(power) for power in re.findall(r"\^\s*\{\s*[-+]?(\d+)", text)]
    if any(power > MAX_POWER for power in powers):
        raise TooLarge(f"a power beyond {MAX_POWER}")
    if _RAISED_AGAIN.search(text) and prod(powers) > MAX_RAISED:
        raise TooLarge("a great power is raised again")
    if any(int(number) > MAX_FACTORIAL for number in re.findall(r"(\d+)\s*!", text)) or re.search(
        r"[)}!]\s*!", text
    ):
        raise TooLarge(f"a factorial beyond {MAX_FACTORIAL}")
