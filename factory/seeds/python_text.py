"""Lists and objects as Python prints them, which is how pandas writes them into a CSV file: `[{'a': None}]`.

Promise: nothing is executed, only literals are read, and what comes back is a value that JSON has.
"""

import ast
import json
from typing import Any

from factory.text.strict_json import JsonFault, strict_json

_LONGEST = 200_000  # characters


def python_value(text: str) -> Any:
    """Return the list or object that a text is when Python prints it; ValueError for all else."""
    if len(text) > _LONGEST or not text.lstrip().startswith(("[", "{")):
        raise ValueError("no list or object of Python")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        for node in ast.walk(tree):
            keys = [ast.dump(key) for key in node.keys if key] if isinstance(node, ast.Dict) else []
            if len(set(keys)) < len(keys):
                raise ValueError("a key is duplicated")
        return strict_json(json.dumps(ast.literal_eval(tree), allow_nan=False))
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        raise ValueError("no list or object of Python") from None


def json_or_python(text: str) -> Any:
    """Return the value of a text that is JSON, or else a list or object as Python prints it; raise what is to
    be said against its JSON."""
    try:
        return strict_json(text)
    except JsonFault as fault:
        if not isinstance(fault.__context__, json.JSONDecodeError):
            raise  # it is JSON, and refused as such
        try:
            return python_value(text)
        except ValueError:
            raise fault from None
