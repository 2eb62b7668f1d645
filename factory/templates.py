"""The prompts: Jinja2 templates from `prompts/`, sandboxed, undefined names refused, each with a digest.

Promise: only strings, numbers, lists and dictionaries are handed to a template; its text is capped. A template cannot import, include or
reach Python objects. Not promised: a limit on the time a template takes; templates come from this repository.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from factory.digest import bytes_id
from factory.errors import FactoryError
from factory.resources import resource

MAX_RENDERED = 200_000


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False
    )
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment


def template_path(name: str) -> Path:
    """Return the file of a template."""
    return resource("prompts", name)


def template_digest(name: str) -> str:
    """Return the content id of a template's text."""
    return bytes_id(template_path(name).read_bytes())


def render(name: str, **values: Any) -> str:
    """Return the rendered template; FactoryError names the template and its line if it fails."""
    path = template_path(name)
    try:
        text = _environment().from_string(path.read_text(encoding="utf-8")).render(**values)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise FactoryError(f"{path}{f':{line}' if line else ''}: the template fails: {error}") from None
    if len(text) > MAX_RENDERED:
        raise FactoryError(f"{path}: the template gives {len(text)} characters, at most {MAX_RENDERED} are allowed")
    return text
