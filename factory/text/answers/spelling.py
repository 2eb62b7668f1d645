"""One spelling of an answer, whichever way it was typeset: LaTeX, Markdown, full-width or raised signs.

Promise: linear time. What is taken away says nothing (delimiters of formulas, emphasis, fonts, thin spaces,
a full stop at the end); what decides stays: letters with their case, digits, signs, relations, brackets,
units, currencies. Spelling a spelling again changes nothing that is compared.
"""

import re
import unicodedata

SET_OPEN, SET_CLOSE = "⦃", "⦄"  # braces that are written, `\{ \}`; those of LaTeX only group
_DOLLAR = "\ue000"  # a dollar that is money, while those that open a formula are looked for

_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True))
_RAISED_RUN = re.compile(f"[{''.join(_RAISED)}]+")
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\u2061-\u2064\ufeff\ufe0e\ufe0f]")

# Longest names first: `\leq` before `\le`.
_COMMANDS = {
    "leqslant": "≤", "leq": "≤", "le": "≤", "geqslant": "≥", "geq": "≥", "ge": "≥", "lt": "<", "gt": ">",
    "neq": "≠", "ne": "≠", "approx": "≈", "pm": "±", "mp": "∓", "infty": "∞", "cup": "∪", "cap": "∩",
    "in": "∈", "times": "×", "cdot": "*", "ast": "*", "div": "/", "degree": "°", "lbrace": SET_OPEN,
    "rbrace": SET_CLOSE, "lbrack": "[", "rbrack": "]", "lvert": "|", "rvert": "|", "vert": "|",
    "displaystyle": "", "textstyle": "", "left": "", "right": "", "big": "", "Big": "", "bigl": "",
    "bigr": "", "Bigl": "", "Bigr": "", "limits": "", "quad": " ", "qquad": " ", "dfrac": r"\frac",
    "tfrac": r"\frac", "cfrac": r"\frac", "land": " and ", "lor": " or ", "colon": ":", "euro": "€",
    "pounds": "£", "yen": "¥", "checkmark": "✓",
}  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)(?![A-Za-z])")
_TEXT = re.compile(
    r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mathsf|mbox|bf|rm|emph)\s*\{"
)
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*\{")
_SPACES = re.compile(r"\\[,;: >]|~|\\\s")
_SIGNS = str.maketrans(
    {"−": "-", "﹣": "-", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "⁄": "/", "∕": "/",
     "≦": "≤", "≧": "≥", "⩽": "≤", "⩾": "≥", "π": r"\pi ", "√": r"\sqrt ", "；": ";", "˚": "°", "º": "°",
     "“": '"', "”": '"', "‘": "'", "’": "'"}
)  # fmt: skip
_FORMULA = re.compile(r"(?<![\d\\])\$\$?([^$\n]+)\$\$?(?!\d)")
_CIRCLE = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![A-Za-z])|\{\s*°\s*\}|°)|\\circ(?![A-Za-z])")
_FRACTION = re.compile(r"\\frac\s*(?:(\d)\s*(\d)(?!\d)|(\d)\s*(?=\{)|(?=\{))")
_AFTER_FRACTION = re.compile(r"(\\frac\{[^{}]*\})\s*(\d)")
_ROOT = re.compile(r"\\sqrt\s*(\d|[A-Za-z](?![A-Za-z(]))")
# Pairs around words; a lone ** behind an operand is a power.
_EMPHASIS = tuple(
    re.compile(rf"(?<![\w){sign}]){mark}(?![{sign}\s])([^{sign}\n]+)(?<!\s){mark}(?![\w{sign}])")
    for mark, sign in ((r"\*\*", "*"), ("__", "_"), (r"\*", "*"), ("_", "_"))
)
_POWER = re.compile(r"(?<=[\w)}])\s*\*\*\s*(?=[\w({+-])")
_ENDS = " .。;,，、\t\n"


def spell(answer: str) -> str:
    """Return the one spelling of an answer; its own text without spaces around it if nothing else is left."""
    text = _RAISED_RUN.sub(lambda run: f"^{{{''.join(_RAISED[sign] for sign in run.group())}}}", answer)
    text = _VULGAR.sub(lambda sign: " " + unicodedata.normalize("NFKC", sign.group()), text)
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_SIGNS)
    text = text.replace("`", "")
    for emphasis in _EMPHASIS:
        text = emphasis.sub(r" \1 ", text)
    text = _POWER.sub("^", text).replace("**", " ")
    if "\\" in text or "$" in text or "{" in text:
        text = _latex(text)
    text = " ".join(text.split()).rstrip(_ENDS)
    for quote in ('"', "'"):
        if len(text) > 2 and text[0] == text[-1] == quote and quote not in text[1:-1]:
            text = text[1:-1].strip().rstrip(_ENDS)
    return text or answer.strip()


def _latex(text: str) -> str:
    text = text.replace(r"\{", SET_OPEN).replace(r"\}", SET_CLOSE).replace(r"\%", "%").replace(r"\#", "#")
    text = text.replace(r"\$", _DOLLAR).replace(r"\&", "&").replace("{,}", ",").replace(r"\!", "")
    text = _FORMULA.sub(r" \1 ", text).replace(_DOLLAR, "$")
    for mark in (r"\(", r"\)", r"\[", r"\]"):
        text = text.replace(mark, " ")
    text = _CIRCLE.sub("°", text)
    text = _SPACES.sub(" ", text)
    text = _unwrapped(text, _BOX)
    text = _unwrapped(text, _TEXT)
    text = _COMMAND.sub(_command, text)
    text = _FRACTION.sub(lambda digits: _braced(digits.groups()), text)
    text = _AFTER_FRACTION.sub(r"\1{\2}", text)
    return _ROOT.sub(r"\\sqrt{\1}", text)


def _command(found: re.Match[str]) -> str:
    return _COMMANDS.get(found[1], found.group())


def _braced(digits: tuple[str | None, ...]) -> str:
    above, below, alone = digits
    if above:
        return rf"\frac{{{above}}}{{{below}}}"
    return rf"\frac{{{alone}}}" if alone else r"\frac"


def _unwrapped(text: str, opening: re.Pattern[str]) -> str:
    """Return the text without the commands that `opening` finds, what they hold between spaces."""
    if not opening.search(text):
        return text
    made: list[str] = []
    depth: list[bool] = []  # of each open brace, whether it is one of the commands'
    place = 0
    while place < len(text):
        if found := opening.match(text, place):
            made.append(" ")
            depth.append(True)
            place = found.end()
            continue
        sign = text[place]
        if sign == "{":
            depth.append(False)
        elif sign == "}" and depth and depth.pop():
            sign = " "
        made.append(sign)
        place += 1
    return "".join(made)
