"""Base class of every chat format: how a conversation, its tools and its calls are written for a student.

What depends on a format is asked of it, and of nothing else: the chat template and whether a tokenizer fits
it, the marks of a call and what is between them, how a turn ends, which text is refused, and vLLM's parser.
Adding one takes a file with a class and `FORMAT` here, its template in `prompts/` and its line in
`factory.chat_formats.formats`. Recipes import these files: jinja2 and transformers are imported by the
methods that need them.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory.chat_formats.go_template import Tools
from factory.chat_formats.served import as_served
from factory.errors import FactoryError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class ChatFormat(ABC):
    """One format. It holds no state; a subclass gives the attributes, and writes and reads a call.

    `title` is its name in messages, `template` the chat template's file in `prompts/`, empty where it is not
    there; `parser` is vLLM's name for the parser of its calls; `roles` are those of the messages, `system`
    among them if the template puts its text anywhere. A tokenizer fits that knows the `needed_tokens`. No
    text of a conversation may hold one of the `control_tokens`: they begin or end a turn or a call.
    `call_marks` are those that the student itself writes around a call. After a call's JSON comes `call_end`,
    empty where the turn ends at once. A turn ends with the token `turn_end`, whatever the base ended its
    texts with; `after_turn` is between it and the next turn. Without the tokens `parser_needs` vLLM's parser
    does not start. `no_calls` is why no calls can be written, empty where they can.
    """

    title: str
    template: str = ""
    parser: str
    parser_needs: tuple[str, ...] = ()
    no_calls: str = ""
    roles: frozenset[str]
    needed_tokens: tuple[str, ...]
    control_tokens: tuple[str, ...]
    call_marks: tuple[str, ...]
    call_end: str
    turn_end: str
    after_turn: str

    @abstractmethod
    def write_call(self, call: dict[str, Any]) -> tuple[str, str]:
        """Return the opening of a call, {"name", "arguments"}, and its JSON, as the template writes them."""

    def shown_call(self, call: dict[str, Any]) -> str:
        """Return the JSON of a call, {"name", "arguments"}, exactly as the template writes it inside a turn:
        there a caller finds it."""
        return self.write_call(call)[1]

    @abstractmethod
    def read_calls(self, text: str, read_json: Callable[[str], Any]) -> list[Any] | None:
        """Return the calls of a turn that a model wrote, as vLLM's parser reads it; None where its text has
        not the form of calls.

        `read_json` gives the value of JSON text, and may raise what it likes. A call in right form is
        {"name", "arguments"}; whether it is that, and of a known tool, is for the caller to judge.
        """

    def has_call(self, text: str) -> bool:
        """Whether a model meant to call a tool, in right form or not."""
        return any(mark in text for mark in self.call_marks)

    def for_model(self, folder: Path) -> "ChatFormat":
        """Return the format as the model in a folder speaks it: itself, unless it depends on the model."""
        return self

    @property
    def written_marks(self) -> list[str]:
        """The control tokens that the student itself has to write."""
        return [*self.call_marks, self.turn_end]

    def misfit(self, folder: Path) -> str | None:
        """Return why the tokenizer of a model folder cannot be used with the format; None where it can."""
        known = (folder / "tokenizer.json").read_text(encoding="utf-8")
        for token in self.needed_tokens:
            if json.dumps(token, ensure_ascii=False) not in known:
                return f"its tokenizer does not know {token}, which the {self.title} chat format needs"
        return None

    def own_template(self, own: Path | None) -> Path | None:
        """Return a person's own chat template, in the folder `own`; None where there is none."""
        path = None if own is None else own / self.template
        return path if path is not None and path.is_file() else None

    def chat_template(self, *, show_tools: bool, own: Path | None = None) -> str:
        """Return the text of the chat template, the one in the folder `own` if it has one; `show_tools`: with
        the tools in it."""
        # Imports jinja2.
        from factory.text.templates import template_path

        text = template_path(self.template, own).read_text(encoding="utf-8")
        return text.replace("set show_tools = false", "set show_tools = true") if show_tools else text

    def go_template(self, tools: Tools = ()) -> str | None:
        """Return the chat template in Go's syntax, for Ollama, None where there is none; `tools`: those that
        the student is shown, None: those of each request."""
        return None

    def set_template(
        self, tokenizer: "PreTrainedTokenizerBase", *, show_tools: bool, own: Path | None = None
    ) -> None:
        """Give a tokenizer the chat template that the student is trained and served with, and the token at
        which a server stops."""
        tokenizer.chat_template = self.chat_template(show_tools=show_tools, own=own)
        tokenizer.eos_token = self.turn_end

    def render(
        self,
        messages: list[dict[str, Any]],
        tools: list[dict[str, Any]] | None = None,
        *,
        tokenizer: "PreTrainedTokenizerBase | None" = None,
        show_tools: bool = False,
        generate: bool = False,
    ) -> str:
        """Return the text of a conversation in OpenAI's form, `generate`: with the assistant next.

        `tokenizer` is one that carries the student's template; without one, that of the format is rendered,
        `show_tools`: with the tools in it.
        """
        if unknown := {message["role"] for message in messages} - self.roles:
            raise FactoryError(
                f"the {self.title} chat format has no role {', '.join(sorted(unknown))}",
                f"Its roles are {', '.join(sorted(self.roles))}.",
            )
        messages = as_served(messages)
        if tokenizer is None:
            return self._rendered(messages, tools, show_tools=show_tools, generate=generate)
        return str(
            tokenizer.apply_chat_template(
                messages, tools=tools, tokenize=False, add_generation_prompt=generate
            )
        )

    def _rendered(
        self,
        messages: list[dict[str, Any]],
        tools: list[dict[str, Any]] | None,
        *,
        show_tools: bool,
        generate: bool,
    ) -> str:
        """Render the chat template as transformers and vLLM do: their sandbox, their `tojson`."""
        template = _compiled(self.chat_template(show_tools=show_tools))
        return str(template.render(messages=messages, tools=tools, add_generation_prompt=generate))


@lru_cache(maxsize=16)
def _compiled(text: str) -> Any:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(text)
