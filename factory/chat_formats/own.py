"""Own: the base's own chat template, with vLLM's parser for the calls that it writes.

Promise: what a format says is found by looking at what the template renders: what ends an assistant's turn,
whether it has a system role and tools, whose parser reads its calls, and that the beginning of a conversation
is the beginning of its text. What cannot be used is refused in one sentence. No code of the model is run.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from os.path import commonprefix
from pathlib import Path
from typing import Any

from factory.chat_formats.base_template import BaseTemplate, Unusable, read
from factory.chat_formats.format import ChatFormat
from factory.chat_formats.hermes import FORMAT as HERMES
from factory.chat_formats.llama3 import FORMAT as LLAMA3
from factory.chat_formats.mistral import FORMAT as MISTRAL
from factory.errors import FactoryError, InputError

READERS: tuple[ChatFormat, ...] = (HERMES, LLAMA3, MISTRAL)
HINT = "Name another student.format, or another base."

# What is looked at. Words that a template trims or a tokenizer joins would tell nothing.
_SYSTEM = {"role": "system", "content": "Reply in one word."}
_ASKED = [{"role": "user", "content": f"One plus {number}?"} for number in range(3)]
_SAID = [{"role": "assistant", "content": f"It is {number}."} for number in range(2)]
_CALLS: list[dict[str, Any]] = [
    {"name": "add_up", "arguments": {"numbers": [1, 2], "note": 'a "双" <b>'}},
    {"name": "look_at", "arguments": {}},
]
_SHOWN = "Add numbers."
_TOOL = {
    "type": "function",
    "function": {
        "name": "add_up",
        "description": _SHOWN,
        "parameters": {"type": "object", "properties": {"numbers": {"type": "array"}}},
    },
}
_RESULTS = [
    {"role": "tool", "tool_call_id": f"call0000{number}", "name": call["name"], "content": f"{number} found"}
    for number, call in enumerate(_CALLS)
]


class Own(ChatFormat):
    """The format before it is known which model's; `for_model` looks at one."""

    title = "base's own"
    parser = ""
    roles: frozenset[str] = frozenset()
    needed_tokens = ()
    control_tokens: tuple[str, ...] = ()
    call_marks: tuple[str, ...] = ()
    call_end = ""
    turn_end = ""
    after_turn = ""
    no_calls = "there is no model whose template could write any"

    def for_model(self, folder: Path) -> ChatFormat:
        """Return the format of the model's own template; itself if there is none that can be used."""
        try:
            return OwnOfModel(_template(folder))
        except Unusable:
            return self

    def misfit(self, folder: Path) -> str | None:
        """Return why the model's own template cannot be used; None where it can."""
        try:
            OwnOfModel(_template(folder))
        except Unusable as why:
            return f"its own chat template {why}"
        return None

    def chat_template(self, *, show_tools: bool, own: Path | None = None) -> str:
        """Raise InputError: there is none."""
        raise InputError("the base has no chat template of its own that can be used", HINT)

    def write_call(self, call: dict[str, Any]) -> tuple[str, str]:
        """Raise FactoryError: there is no template."""
        raise FactoryError(f"the {self.title} chat format has no calls: {self.no_calls}", HINT)

    def read_calls(self, text: str, read_json: Callable[[str], Any]) -> list[Any] | None:
        """Return None: no text is a call."""
        return None


class OwnOfModel(Own):
    """The format of one template; making it raises Unusable with the reason why it cannot be used."""

    no_calls = ""

    def __init__(self, base: BaseTemplate):
        self._base = base
        self._reader: ChatFormat | None = None
        prompt, whole = base.render(_ASKED[:1], generate=True), base.render([_ASKED[0], _SAID[0]])
        if not whole.startswith(prompt + _SAID[0]["content"]):
            raise Unusable("writes something else between the prompt and the words of an answer")
        tail = whole[len(prompt + _SAID[0]["content"]) :]
        self.turn_end = max((one for one in base.tokens if tail.startswith(one)), key=len, default="")
        if not self.turn_end:
            raise Unusable("ends an answer with no token of its tokenizer, so nothing would end a student's")
        self.after_turn = tail.removeprefix(self.turn_end)
        # The student's tokenizer has the end of its turns as its end of text.
        self._base = replace(base, special=base.special | {"eos_token": self.turn_end})
        several = [_ASKED[0], _SAID[0], _ASKED[1], _SAID[1], _ASKED[2]]
        if self._base.render([_ASKED[0], _SAID[0]]) != whole:
            raise Unusable("writes the end of text at other places than the end of an answer")
        if "strftime_now" in base.text:
            raise Unusable("writes the day into a text, which would be another one tomorrow")
        self._require_stable(several)
        self.roles = frozenset({"user", "assistant"})
        self.roles |= {"system"} if self._takes([_SYSTEM, *several], _SYSTEM) else frozenset()
        self.control_tokens = tuple(sorted(base.tokens))
        self._look_at_calls()

    def _look_at_calls(self) -> None:
        one, two = [_turn(_CALLS[:1]), _RESULTS[0]], [_turn(_CALLS), *_RESULTS]
        try:
            self._reader, text = self._reader_of(_CALLS[:1])
            self._require_stable([_ASKED[0], *one, _SAID[0], _ASKED[1], *one, _SAID[1]])
            if not self._takes([_ASKED[0], *one, _SAID[0]], _RESULTS[0]):
                raise Unusable("does not write the result of a call")
            start, end = _place(text, _CALLS[0])
            self.call_end, self.call_marks = text[end:], self._reader.call_marks
            self.roles |= {"tool"}
            self.parser = self._reader.parser
            if self._writes([_ASKED[0], *two, _SAID[0]]):
                self._reader_of(_CALLS)
                self._require_stable([_ASKED[0], *two, _SAID[0]])
        except Unusable as why:
            self._reader, self.parser, self.call_marks, self.call_end = None, "", (), ""
            self.roles -= {"tool"}
            self.no_calls = f"it {why}"

    def _reader_of(self, calls: list[dict[str, Any]]) -> tuple[ChatFormat, str]:
        """Return the format whose parser reads these calls of a turn, and the turn's text."""
        text = self._turn_text(calls)
        for reader in READERS:
            try:
                found = reader.read_calls(text, json.loads)
            except ValueError:
                continue
            if found == calls and self._base.tokens.issuperset(reader.parser_needs):
                return reader, text
        known = ", ".join(reader.parser for reader in READERS)
        raise Unusable(f"writes {len(calls)} calls of a turn as none of vLLM's parsers {known} reads them")

    def _turn_text(self, calls: list[dict[str, Any]], called: str = "call0000") -> str:
        prompt = self._base.render(_ASKED[:1], generate=True)
        whole = self._base.render([_ASKED[0], _turn(calls, called)])
        end = self.turn_end + self.after_turn
        if not whole.startswith(prompt) or not whole.endswith(end):
            raise Unusable("opens or ends a turn with calls otherwise than one in words")
        return whole[len(prompt) : len(whole) - len(end)]

    def _require_stable(self, messages: list[dict[str, Any]]) -> None:
        """Raise Unusable if a beginning of the conversation is not the beginning of its text."""
        whole = self._base.render(messages)
        first = 1 + (messages[0]["role"] == "system")
        for count in range(first, len(messages)):
            asked = messages[count]["role"] == "assistant"
            texts = [self._base.render(messages[:count])]
            texts += [self._base.render(messages[:count], generate=True)] if asked else []
            if not all(whole.startswith(text) for text in texts):
                raise Unusable("writes earlier turns otherwise once there are later ones")

    def _takes(self, messages: list[dict[str, Any]], one: dict[str, Any]) -> bool:
        """Whether the template writes this message too, and the conversation stays stable with it."""
        try:
            self._require_stable(messages)
            return str(one["content"]) in self._base.render(messages)
        except Unusable:
            return False

    def _writes(self, messages: list[dict[str, Any]]) -> bool:
        """Whether the template takes the conversation at all."""
        try:
            return bool(self._base.render(messages))
        except Unusable:
            return False

    def chat_template(self, *, show_tools: bool, own: Path | None = None) -> str:
        """Return the model's own template, without the tools unless they are to be shown."""
        if not show_tools:
            # Of a block's line Jinja takes the line break away: the text behind it stays as it is.
            return "{% set tools = none %}\n" + self._base.text
        try:
            shown = _SHOWN in self._base.render(_ASKED[:1], [_TOOL], generate=True)
        except Unusable:
            shown = False
        if not shown:
            raise InputError(
                "the base's own chat template shows no tools", f"{HINT} Or leave out show_tools."
            )
        return self._base.text

    def render(self, messages: list[dict[str, Any]], *others: Any, **more: Any) -> str:
        """Return what the template renders; FactoryError if it fails, as some do at two calls in a turn."""
        from jinja2 import TemplateError

        if self.no_calls and any(message.get("tool_calls") for message in messages):
            raise FactoryError(f"the base's own chat template cannot write calls: {self.no_calls}", HINT)
        try:
            return super().render(messages, *others, **more)
        except (TemplateError, Unusable) as error:
            raise FactoryError(f"the base's own chat template fails: {error}", HINT) from None

    def _rendered(
        self,
        messages: list[dict[str, Any]],
        tools: list[dict[str, Any]] | None,
        *,
        show_tools: bool,
        generate: bool,
    ) -> str:
        text = self.chat_template(show_tools=show_tools)
        return replace(self._base, text=text).render(messages, tools, generate=generate)

    def shown_call(self, call: dict[str, Any]) -> str:
        """Return the call's JSON as the template writes it, with its spaces and its keys; up to the id, if it
        has one in it."""
        return self.write_call(call)[1]

    def write_call(self, call: dict[str, Any]) -> tuple[str, str]:
        """Return what the template writes before the call's JSON, and the JSON."""
        if self.no_calls:
            return super().write_call(call)
        text, other = self._turn_text([call]), self._turn_text([call], "other000")
        start, end = _place(text, call)
        return text[:start], commonprefix([text[start:end], other[start:]])

    def read_calls(self, text: str, read_json: Callable[[str], Any]) -> list[Any] | None:
        """Return the calls as the format reads them whose parser was found."""
        return self._reader.read_calls(text, read_json) if self._reader else None

    def has_call(self, text: str) -> bool:
        """Whether that format sees a call in the text."""
        return self._reader is not None and self._reader.has_call(text)


def _template(folder: Path) -> BaseTemplate:
    if (base := read(folder)) is None:
        raise Unusable("is missing: it has none")
    return base


def _turn(calls: list[dict[str, Any]], called: str = "call0000") -> dict[str, Any]:
    """Return an assistant's calls; ids of nine letters and digits, as Mistral wants them."""
    made = [
        {"id": f"{called}{number}", "type": "function", "function": call} for number, call in enumerate(calls)
    ]
    return {"role": "assistant", "content": None, "tool_calls": made}


def _place(text: str, call: dict[str, Any]) -> tuple[int, int]:
    """Return where in a turn the JSON of a call stands, from and to."""
    for start, end, value in _objects(text):
        arguments = value.get("arguments", value.get("parameters"))
        if (value.get("name"), arguments) == (call["name"], call["arguments"]):
            return start, end
    raise Unusable("writes a call otherwise than as one JSON object")


def _objects(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    start = text.find("{")
    while start >= 0:
        try:
            value, length = json.JSONDecoder().raw_decode(text[start:])
        except (ValueError, RecursionError):
            value, length = None, 1
        if isinstance(value, dict):
            yield start, start + length, value
        start = text.find("{", start + length)


FORMAT = Own()
