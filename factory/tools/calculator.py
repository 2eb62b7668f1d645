"""Exact arithmetic on untrusted text.

Promise: `evaluate` computes with fractions, so `0.1 + 0.2` is `0.3`; it answers or raises `ToolError` within
milliseconds, whatever the text. Nothing is ever executed: the text is filtered by character, parsed, and
walked along an allow-list of nodes, and each bound is checked before the work that it bounds. Units, names,
functions and digit separators are not understood.
"""

import ast
from fractions import Fraction
from itertools import accumulate

from factory.tools.errors import ToolError

MAX_CHARACTERS = 200
MAX_LITERAL_DIGITS = 30
MAX_DIGITS = 100  # of the numerator and of the denominator of every value on the way
MAX_EXPONENT = 64
MAX_DEPTH = 64  # of parentheses, and of the tree
MAX_NODES = 128
DECIMAL_PLACES = 6

_ALLOWED = frozenset("0123456789.+-*/%() ")
_TYPED_FORMS = str.maketrans("×÷−（）", "*/-()")
_UNDERSTOOD = "write numbers, + - * / // % ** and parentheses, and every multiplication with its *"
_BOUND = 10**MAX_DIGITS


def evaluate(expression: str) -> str:
    """Return the value of an arithmetic expression as text; raise ToolError for anything else.

    Understood: decimal numbers, `+ - * / // % **`, signs, parentheses and spaces; `× ÷ − （ ）` are read as
    `* / - ( )`. `//` rounds down and `%` is its remainder, never per cent. The answer is an integer, or a
    decimal rounded half-even to six places without trailing zeros.
    """
    root, text = _parsed(expression)
    return _as_text(_value(root, text, depth=1))


def canonical(expression: str) -> str:
    """Return the expression without what does not change its meaning: spaces, and parentheses that bind
    nothing.

    Text that is no expression comes back without its spaces.
    """
    try:
        return ast.unparse(_parsed(expression)[0]).replace(" ", "")
    except ToolError:
        return expression.replace(" ", "")


def _parsed(expression: str) -> tuple[ast.expr, str]:
    text = _checked_text(expression)
    try:
        root = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        raise ToolError("syntax", "this is not a well-formed arithmetic expression") from None
    except (RecursionError, MemoryError):
        raise ToolError("too_large", "the expression is nested too deeply") from None
    if sum(isinstance(node, ast.expr) for node in ast.walk(root)) > MAX_NODES:
        raise ToolError("too_large", f"the expression has more than {MAX_NODES} numbers and operators")
    return root, text


def _checked_text(expression: str) -> str:
    if len(expression) > MAX_CHARACTERS:
        raise ToolError("too_long", f"the expression has more than {MAX_CHARACTERS} characters")
    text = expression.translate(_TYPED_FORMS).strip(" ")
    if "^" in text:
        raise ToolError("not_allowed", "'^' is not an operator here: write ** for a power")
    for character in text:
        if character not in _ALLOWED:
            raise ToolError("not_allowed", f"the character {character!r} is not allowed: {_UNDERSTOOD}")
    # Python's own limit on parentheses differs between versions, so the parser never gets to see many of
    # them.
    if max(accumulate((character == "(") - (character == ")") for character in text), default=0) > MAX_DEPTH:
        raise ToolError("too_large", f"parentheses are nested more than {MAX_DEPTH} deep")
    return text


def _value(node: ast.expr, text: str, depth: int) -> Fraction:
    if depth > MAX_DEPTH:
        raise ToolError("too_large", f"the expression is nested more than {MAX_DEPTH} deep")
    match node:
        case ast.Constant(value=int() | float()):
            return _literal(text[node.col_offset : node.end_col_offset])
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, text, depth + 1)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, text, depth + 1)
        case ast.BinOp(left=left, op=operator, right=right):
            return _combined(operator, _value(left, text, depth + 1), _value(right, text, depth + 1))
    raise ToolError("not_allowed", f"this is not plain arithmetic: {_UNDERSTOOD}")


def _literal(digits: str) -> Fraction:
    if len(digits.replace(".", "")) > MAX_LITERAL_DIGITS:
        raise ToolError("too_large", f"a number has more than {MAX_LITERAL_DIGITS} digits")
    return Fraction(digits)


def _combined(operator: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    try:
        result = _applied(operator, left, right)
    except ZeroDivisionError:
        raise ToolError("division_by_zero", "division by zero") from None
    if abs(result.numerator) >= _BOUND or result.denominator >= _BOUND:
        raise ToolError("too_large", f"a value has more than {MAX_DIGITS} digits")
    return result


def _applied(operator: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.FloorDiv():
            return Fraction(left // right)
        case ast.Mod():
            return left % right
        case ast.Pow():
            return _power(left, right)
    raise ToolError("not_allowed", f"this operator is not understood: {_UNDERSTOOD}")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise ToolError("not_allowed", "an exponent must be an integer")
    if abs(exponent) > MAX_EXPONENT:
        raise ToolError("too_large", f"an exponent is beyond {MAX_EXPONENT}")
    # n ** e has at least (bits of n - 1) * e + 1 bits: what is refused here would be refused after computing
    # as well.
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if (bits - 1) * abs(exponent.numerator) >= _BOUND.bit_length():
        raise ToolError("too_large", f"a power has more than {MAX_DIGITS} digits")
    return base**exponent.numerator


def _as_text(value: Fraction) -> str:
    scaled = round(value * 10**DECIMAL_PLACES)
    whole, places = divmod(abs(scaled), 10**DECIMAL_PLACES)
    sign = "-" if scaled < 0 else ""
    return sign + f"{whole}.{places:0{DECIMAL_PLACES}d}".rstrip("0").rstrip(".")
