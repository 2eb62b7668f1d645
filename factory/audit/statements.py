"""Where a SQL statement ends: at a semicolon outside quotes and comments.

Promise: text, identifiers and dollar quotes, line comments and nested block comments are recognised as DuckDB
does. Not promised: that what is between the semicolons is SQL.
"""

import re

# Each alternative is one stretch; one that is not closed reaches to the end of the text.
_STRETCH = re.compile(
    r"""(?P<quoted>[eE]'(?:[^'\\]|\\.|'')*(?P<e>'|\Z)|'(?:[^']|'')*(?P<s>'|\Z)|"(?:[^"]|"")*(?P<d>"|\Z))
    |(?P<dollar>\$(?P<tag>[A-Za-z_]\w*|)\$)
    |(?P<line>--[^\n]*)
    |(?P<block>/\*)
    |(?P<end>;)
    |\w+
    |.""",
    re.VERBOSE | re.DOTALL,
)


def split(text: str) -> tuple[list[str], str, bool]:
    """Return the statements that are ended, without their semicolons and without empty ones; what comes after
    the last semicolon; and whether the text ends within quotes or a comment."""
    statements: list[str] = []
    begin = place = 0
    content = inside = False
    while place < len(text):
        match = _STRETCH.match(text, place)
        assert match is not None
        place, inside = match.end(), False
        if match["end"]:
            if content:
                statements.append(text[begin : match.start()].strip())
            begin, content = place, False
        elif match["line"]:
            inside = place == len(text)
        elif match["block"]:
            place, inside = _after_block(text, place)
        else:
            content = content or not match[0].isspace()
            if match["quoted"]:
                inside = "" in (match["e"], match["s"], match["d"])
            elif match["dollar"]:
                close = text.find(match["dollar"], place)
                place, inside = (len(text), True) if close < 0 else (close + len(match["dollar"]), False)
    return statements, text[begin:].strip() if content else "", inside


def _after_block(text: str, place: int) -> tuple[int, bool]:
    depth = 1
    for match in re.finditer(r"/\*|\*/", text[place:]):
        depth += 1 if match[0] == "/*" else -1
        if not depth:
            return place + match.end(), False
    return len(text), True
