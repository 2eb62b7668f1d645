"""The prompts: Jinja2 templates from `prompts/`, sandboxed, undefined names refused, each with a digest. A
person's own template of the same name, in the folder `prompts` of the workspace, wins.

Promise: only strings, numbers, lists and dictionaries are handed to a template; its text is capped while it
grows, and nothing is multiplied into it. A template cannot import, include or reach Python objects. Not
promised: a limit on the time and memory that a template takes; templates come from this repository or from
whoever runs the factory.
"""

import traceback
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from factory.errors import FactoryError
from factory.system.digest import bytes_id
from factory.system.resources import resource

MAX_RENDERED = 200_000


class _Environment(ImmutableSandboxedEnvironment):
    # One of these operators is enough to fill the memory: 'x' * 10**9. Interception also keeps Jinja from
    # computing them while it compiles.
    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        raise SecurityError(f"{operator} has no place in a prompt")


@cache
def _environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False
    )
    return environment


@lru_cache(maxsize=64)
def _compiled(path: Path, changed_ns: int, size: int) -> Template:
    # Reading and compiling take milliseconds, rendering microseconds, and a prompt is rendered for every
    # request.
    return _environment().from_string(path.read_text(encoding="utf-8"))


def template_path(name: str, own: Path | None = None) -> Path:
    """Return the file of a template: the one in the folder `own`, if it has one."""
    if own is not None and (own / name).is_file():
        return own / name
    return resource("prompts", name)


def template_digest(name: str, own: Path | None = None) -> str:
    """Return the content id of a template's text."""
    return bytes_id(template_path(name, own).read_bytes())


def render(name: str, own: Path | None = None, /, **values: Any) -> str:
    """Return the rendered template; FactoryError names the template and its line if it fails."""
    path = template_path(name, own)
    text = ""
    try:
        file = path.stat()
        for piece in _compiled(path, file.st_mtime_ns, file.st_size).generate(**values):
            text += piece
            if len(text) > MAX_RENDERED:
                raise SecurityError(f"it gives more than {MAX_RENDERED} characters")
    except (
        Exception
    ) as error:  # an expression in a template can fail in any way: divide by zero, add text to a number
        raise FactoryError(f"{path}{_line(error)}: the template fails: {error}") from None
    return text


def _line(error: Exception) -> str:
    """Return `:` and the line of the template that an error is about, as far as Jinja knows it."""
    if isinstance(error, TemplateSyntaxError):
        return f":{error.lineno}"
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"
    ]
    return f":{lines[-1]}" if lines else ""
