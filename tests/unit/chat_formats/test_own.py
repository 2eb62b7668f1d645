"""A base's own template: what it can is found by looking, and what it cannot is said in a sentence."""

import json
from pathlib import Path

import pytest

from factory.chat_formats.formats import FORMATS
from factory.errors import FactoryError, InputError
from tests.support.tiny_formats import OWN, PLAIN, TAGS, TAGS_MARKS, base_folder

OURS = FORMATS["own"]
QUESTION = {"role": "user", "content": "12 times 7?"}
CALL = {"name": "wait", "arguments": {}}


@pytest.mark.parametrize(
    ("name", "end", "after", "roles", "parser", "shown"),
    [
        ("plain", "</s>", "\n", {"user", "assistant", "system"}, "", ""),
        ("tags", "<|end|>", "", {"user", "assistant", "system", "tool"}, "hermes", json.dumps(CALL)),
        (
            "bare",
            "<|eot|>",
            "",
            {"user", "assistant", "system", "tool"},
            "llama3_json",
            '{"name": "wait", "parameters": {}}',
        ),
        (
            "listed",
            "</s>",
            "",
            {"user", "assistant", "tool"},
            "mistral",
            '{"name":"wait","arguments":{},"id":"',
        ),
    ],
)
def test_what_a_template_does_is_found(
    name: str, end: str, after: str, roles: set[str], parser: str, shown: str, tmp_path: Path
) -> None:
    template, marks = OWN[name]
    folder = base_folder(tmp_path, marks, template, bos_token="<s>")
    assert OURS.misfit(folder) is None
    found = OURS.for_model(folder)
    assert (found.turn_end, found.after_turn, found.roles, found.parser) == (end, after, roles, parser)
    assert bool(found.no_calls) is not bool(parser)
    if parser:
        assert found.shown_call(CALL) == shown
    else:
        with pytest.raises(FactoryError, match="cannot write calls: it fails: no tools"):
            found.render(
                [QUESTION, {"role": "assistant", "tool_calls": [{"id": "1", "function": CALL}]}, QUESTION]
            )


SAYS = (
    "{% for message in messages %}{{ '<|' + message.role + '|>' + message.content + '<|end|>' }}{% endfor %}"
)
ASKS = "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (None, "its own chat template is missing"),
        ("{{ messages | nonsense }}", "fails: No filter named 'nonsense'"),
        ("{{ raise_exception('never\n mind') }}", "fails: never mind"),
        ("{{ messages[0].__class__.__mro__ }}", "fails: access to attribute '__class__'"),
        ("{% for x in range(10 ** 9) %}x{% endfor %}", "fails: Range too big"),
        ("nothing", "between the prompt and the words"),
        (SAYS + ASKS.replace("assistant|>", "assistant|><think>"), "between the prompt and the words"),
        ((SAYS + ASKS).replace("'<|end|>'", "'<stop>'"), "with no token of its tokenizer"),
        (
            SAYS + "{% if not add_generation_prompt %}<|sys|>{% endif %}" + ASKS,
            "writes earlier turns otherwise",
        ),
        (SAYS.replace("in messages", "in messages[-2:]") + ASKS, "writes earlier turns otherwise"),
        ("{{ strftime_now('%Y') }}" + SAYS + ASKS, "writes the day into a text"),
        ("{{ eos_token }}" + SAYS + ASKS, "the end of text at other places"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_with_the_reason(
    template: str | None, why: str, tmp_path: Path
) -> None:
    folder = base_folder(tmp_path, ["<eos>", *TAGS_MARKS], template)
    assert why in str(OURS.misfit(folder))
    with pytest.raises(InputError, match="no chat template of its own that can be used"):
        OURS.for_model(folder).chat_template(show_tools=False)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("<tool_call>", "<call>", "as none of vLLM's parsers hermes, llama3_json, mistral reads them"),
        ("message.tool_calls or []", "[]", "as none of vLLM's parsers"),
        ("message.tool_calls or []", "(message.tool_calls or [])[:1]", "2 calls of a turn as none"),
        ("+ message.content + '<|end|>' }}\n{%- else", "+ '<|end|>' }}\n{%- else", "the result of a call"),
        ("{'name': call.function.name, ", "{'name': call.function.name | upper, ", "as none of vLLM's"),
    ],
)
def test_calls_that_cannot_be_taught_are_refused_and_words_can(
    before: str, after: str, why: str, tmp_path: Path
) -> None:
    assert before in TAGS
    folder = base_folder(tmp_path, TAGS_MARKS, TAGS.replace(before, after))
    found = OURS.for_model(folder)
    assert OURS.misfit(folder) is None and (found.parser, found.call_marks) == ("", ())
    assert why in found.no_calls
    assert found.render([QUESTION], generate=True).endswith("<|assistant|>")


def test_bare_calls_need_the_token_without_which_their_parser_does_not_start(tmp_path: Path) -> None:
    template, _ = OWN["bare"]
    assert OURS.for_model(base_folder(tmp_path, ["<|eot|>"], template)).parser == ""


def test_tools_are_shown_or_hidden_as_the_recipe_says(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "wait", "parameters": {}}}]
    found = OURS.for_model(base_folder(tmp_path / "tags", TAGS_MARKS, TAGS))
    assert '"wait"' in found.render([QUESTION], tools, show_tools=True)
    assert '"wait"' not in found.render([QUESTION], tools)
    none = OURS.for_model(base_folder(tmp_path / "plain", ["</s>"], PLAIN))
    with pytest.raises(InputError, match="shows no tools"):
        none.chat_template(show_tools=True)


def test_the_template_is_found_wherever_it_is_kept(tmp_path: Path) -> None:
    named = [{"name": "tool_use", "template": "{{ 1 / 0 }}"}, {"name": "default", "template": TAGS}]
    for place, value in enumerate((TAGS, named)):
        folder = base_folder(tmp_path / str(place), TAGS_MARKS, None, chat_template=value)
        assert OURS.for_model(folder).turn_end == "<|end|>"
    folder = base_folder(tmp_path / "file", TAGS_MARKS, None)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": TAGS}))
    assert OURS.for_model(folder).turn_end == "<|end|>"
