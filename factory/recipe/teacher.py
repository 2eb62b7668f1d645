"""Rules of what a recipe may have sent to the teacher's servers and put into its template
(`teacher.extra_body`, `teacher.template`)."""

import re
from collections.abc import Iterator
from typing import Any

from factory.recipe.source import Fault, Source

# What the factory sends itself, with the recipe's key for it.
_SENT = {
    "model": "teacher.model",
    "temperature": "teacher.sampling.temperature",
    "top_p": "teacher.sampling.top_p",
    "max_tokens": "teacher.sampling.max_tokens",
    "max_completion_tokens": "teacher.sampling.max_tokens",
    "logprobs": "teacher.logprobs",
    "top_logprobs": "teacher.logprobs",
    "chat_template_kwargs": "teacher.template",
    "seed": "seed",
    "n": "data.samples_per_prompt",
    "tools": "data.tools",
}
_OURS = frozenset({"messages", "stream", "response_format", "return_token_ids", "return_tokens_as_token_ids"})
# What the factory gives every chat template itself.
_RENDERED = frozenset(
    {"conversation", "messages", "tools", "chat_template", "tokenize", "add_generation_prompt"}
)
_SECRET = re.compile(
    r"api.?key|secret|passw|credential|authorization|bearer|access.?token|auth.?token|^token$", re.IGNORECASE
)


def faults(source: Source, teacher: Any) -> Iterator[Fault]:
    """Yield what `extra_body` and `template` may not hold."""
    if not isinstance(teacher, dict):
        return
    body = teacher.get("extra_body")
    if body and not teacher.get("endpoints"):
        yield source.fault(
            ("teacher", "extra_body"), "only with endpoints; a model that runs here is sent nothing"
        )
    for name in body if isinstance(body, dict) else ():
        if name in _SENT:
            yield source.fault(("teacher", "extra_body", name), f"is sent already: use {_SENT[name]}")
        elif name in _OURS:
            yield source.fault(("teacher", "extra_body", name), "is for the factory to send; remove it")
    template = teacher.get("template")
    for name in template if isinstance(template, dict) else ():
        if name in _RENDERED:
            yield source.fault(("teacher", "template", name), "is for the factory to give; remove it")
    for key in ("extra_body", "template"):
        for name in _names(teacher.get(key)):
            if _SECRET.search(name):
                yield source.fault(
                    ("teacher", key),
                    f"has {name!r}: a secret has no place in a recipe; use teacher.api_key_env",
                )


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield str(name)
            yield from _names(part)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part)
