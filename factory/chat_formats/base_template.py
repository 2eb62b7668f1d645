"""The chat template that a model folder brings with it.

Promise: it is text and is rendered by Transformers in its sandbox, as vLLM does; whatever it does then is an
`Unusable` with the reason. Not promised: a limit on the time that it takes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.chat_formats.served import as_served

_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")


class Unusable(Exception):
    """Why a model's own template cannot be used; its words go on from `its own chat template`."""


@dataclass(frozen=True)
class BaseTemplate:
    """Text of the template, the special tokens that it may write by name, and all tokens that the tokenizer
    never splits."""

    text: str
    special: dict[str, str]
    tokens: frozenset[str]

    def render(
        self,
        messages: list[dict[str, Any]],
        tools: list[dict[str, Any]] | None = None,
        *,
        generate: bool = False,
    ) -> str:
        """Return the text of a conversation; raise Unusable if the template fails."""
        from transformers.utils.chat_template_utils import render_jinja_template

        try:
            rendered, _ = render_jinja_template(
                conversations=[as_served(messages)],
                tools=tools,
                chat_template=self.text,
                add_generation_prompt=generate,
                **self.special,
            )
        except Exception as error:  # what a stranger wrote can fail in any way
            told = " ".join(str(error).split())[:200]
            raise Unusable(f"fails: {told or type(error).__name__}") from None
        return str(rendered[0])


def read(folder: Path) -> BaseTemplate | None:
    """Return the template of a model folder, its `default` one if it has several; None if it has none."""
    settings = _object(folder / "tokenizer_config.json")
    text = _text(folder, settings)
    if text is None:
        return None
    named = _object(folder / "special_tokens_map.json") | settings
    special = {name: word for name in _SPECIAL if (word := _word(named.get(name)))}
    added = _object(folder / "tokenizer.json").get("added_tokens") or []
    return BaseTemplate(text, special, frozenset(word for one in added if (word := _word(one))))


def _text(folder: Path, settings: dict[str, Any]) -> str | None:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8", errors="replace")
    value = settings.get("chat_template") or _object(folder / "chat_template.json").get("chat_template")
    if isinstance(value, list):
        named = {one.get("name"): one.get("template") for one in value if isinstance(one, dict)}
        value = named.get("default")
    return value if isinstance(value, str) and value else None


def _word(value: Any) -> str:
    word = value.get("content") if isinstance(value, dict) else value
    return word if isinstance(word, str) else ""


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
