"""The prompts render to what was reviewed, and no template gets further than text."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.chat_formats.formats import FORMATS
from factory.errors import FactoryError
from factory.text import templates
from factory.text.templates import MAX_RENDERED, render, template_digest, template_path
from tests.golden.renders import (
    ANSWER,
    ARGUMENTS,
    FOLDER,
    PATH,
    QUESTION,
    TOOLS,
    Message,
    call,
    chat,
    renders,
)

GOLDEN = renders()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a template into a `prompts/` of its own and return its name."""
    monkeypatch.setattr(templates, "resource", lambda room, name: tmp_path / name)

    def write_text(text: str) -> str:
        (tmp_path / "hostile.j2").write_text(text, encoding="utf-8")
        return "hostile.j2"

    return write_text


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_golden(name: str) -> None:
    assert GOLDEN[name] == (FOLDER / name).read_text(encoding="utf-8"), (
        "a prompt changed: python -m tests.golden, then look at the difference"
    )


def test_every_template_has_a_golden_text_and_a_paragraph() -> None:
    names = {path.name for path in template_path("").iterdir()} - {"README.md"}
    assert {".".join(golden.split(".")[:2]) for golden in GOLDEN} == names
    assert {path.name for path in FOLDER.glob("*.txt")} == set(GOLDEN)
    readme = template_path("README.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in readme] == []


def test_a_digest_is_that_of_the_text(write: Any) -> None:
    first, again, other = (template_digest(write(text)) for text in ("a", "a", "b"))
    assert first == again != other


@pytest.mark.parametrize(
    "text",
    [
        "{{ missing }}",
        "{% if missing %}{% endif %}",
        "{{ known.missing }}",
        "{% for x in missing %}{% endfor %}",
    ],
)
def test_undefined_names_are_refused(write: Any, text: str) -> None:
    name = write("first line\n" + text)
    with pytest.raises(FactoryError, match="missing") as caught:
        render(name, known={"a": 1})
    assert f"{name}:2: the template fails" in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 10**9 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ [1] * 10**9 }}",
        "{{ known * 1000000000 }}",
        "{% for x in range(99999) %}0123456789{% endfor %}",
        "{% for x in range(999999999) %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''|attr('__class__') }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ '{0.__class__}'.format(known) }}",
        "{{ ('{0.__class__}'|attr('format'))(known) }}",
        "{{ known.append('y') }}{{ things.append(1) }}",
        "{% include '../factory/errors.py' %}",
        "{% import 'os' as os %}",
        "{% extends 'other' %}",
        "{{ 1 / 0 }}",
        "{{ known + 1 }}",
        "{{ things[7] }}",
        "{{ known | nothing }}",
        "{{ known() }}",
        "{{ unclosed",
        "{% for x in things %}",
        "{% endfor %}",
    ],
)
def test_hostile_and_broken_templates_are_named(write: Any, text: str) -> None:
    name = write(text)
    with pytest.raises(FactoryError, match="the template fails") as caught:
        render(name, known="x", things=[1, 2])
    assert name in caught.value.message
    assert len(caught.value.message) < 1000


def test_the_text_is_capped_while_it_grows(write: Any) -> None:
    assert len(render(write("{{ x }}"), x="a" * MAX_RENDERED)) == MAX_RENDERED
    with pytest.raises(FactoryError, match=f"more than {MAX_RENDERED} characters"):
        render(write("{{ x }}b"), x="a" * MAX_RENDERED)


def test_a_template_that_is_not_text(write: Any) -> None:
    name = write("")
    template_path(name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FactoryError, match="the template fails"):
        render(name)


def test_values_are_text_and_never_templates() -> None:
    hostile = "{{ 7 * 7 }}{% for x in y %}"
    assert render("tool_call_answer.j2", language="en", result=hostile) == f"The answer is {hostile}."


def test_a_file_that_does_not_come_with_the_factory() -> None:
    with pytest.raises(FactoryError, match="no-such.j2"):
        render("no-such.j2")


def test_arguments_as_text_and_as_an_object_are_the_same() -> None:
    assert chat([QUESTION, call(ARGUMENTS), *PATH[2:]]) == chat(PATH)


def test_the_call_is_json_between_its_tags() -> None:
    inner = chat(PATH[:2]).partition("<tool_call>\n")[2].partition("\n</tool_call>")[0]
    assert json.loads(inner) == {"name": "calculator", "arguments": ARGUMENTS}


OPENINGS = {
    "hermes": "<|im_start|>assistant\n",
    "gemma": "<start_of_turn>model\n",
    "llama3": "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "mistral": ("[/INST]", "[/TOOL_RESULTS]"),
}


def test_every_template_has_its_opening() -> None:
    assert list(OPENINGS) == [name for name, one in FORMATS.items() if one.template]


@pytest.mark.parametrize("name", OPENINGS)
@pytest.mark.parametrize("show_tools", [False, True])
@pytest.mark.parametrize(
    "arguments", [json.dumps(ARGUMENTS, ensure_ascii=False), ARGUMENTS], ids=["text", "object"]
)
@pytest.mark.parametrize("system", [[], [{"role": "system", "content": "Be brief."}]], ids=["bare", "system"])
def test_a_prompt_is_the_beginning_of_the_whole(
    name: str, show_tools: bool, arguments: Any, system: list[Message]
) -> None:
    messages = [
        *system,
        QUESTION,
        call(arguments),
        PATH[2],
        ANSWER,
        QUESTION,
        call(arguments),
        PATH[2],
        ANSWER,
    ]
    whole = chat(messages, name, show_tools=show_tools)
    for count in range(1 + len(system), len(messages) + 1):
        assert whole.startswith(chat(messages[:count], name, show_tools=show_tools))
        if count < len(messages) and messages[count]["role"] == "assistant":
            prompt = chat(messages[:count], name, show_tools=show_tools, generate=True)
            assert whole.startswith(prompt)
            assert prompt.endswith(OPENINGS[name])


@pytest.mark.parametrize("show_tools", [False, True])
def test_each_turn_opens_and_closes_once(show_tools: bool) -> None:
    whole = chat(PATH, show_tools=show_tools)
    turns = len(PATH) + show_tools
    assert (whole.count("<|im_start|>"), whole.count("<|im_end|>\n")) == (turns, turns)
    assert whole.endswith("<|im_end|>\n")
    whole = chat(PATH, "gemma", show_tools=show_tools)
    assert (whole.count("<start_of_turn>"), whole.count("<end_of_turn>\n")) == (len(PATH), len(PATH))
    assert whole.startswith("<bos><start_of_turn>user\n") and whole.count("<bos>") == 1


def test_tools_are_shown_only_where_the_switch_says_so() -> None:
    assert TOOLS[0]["function"]["description"] not in chat(PATH)
    shown = chat(PATH, show_tools=True).partition("<tools>\n")[2].partition("\n</tools>")[0]
    assert [json.loads(line) for line in shown.splitlines()] == TOOLS


@pytest.mark.parametrize("name", OPENINGS)
def test_the_switch_stands_once_where_training_looks_for_it(name: str) -> None:
    text = template_path(FORMATS[name].template).read_text(encoding="utf-8")
    assert text.count("set show_tools = false") == 1
