"""A second chat format, written here, goes through everything that asks one: rows, reading, the exam, ids,
preflight and serving. Nothing but the format's own file knows how a format writes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from factory.chat_formats.control_token import control_token
from factory.chat_formats.format import ChatFormat
from factory.chat_formats.formats import DEFAULT, FORMATS
from factory.chat_formats.hermes import Hermes
from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.errors import FactoryError, InputError
from factory.evaluate.candidate import Candidate
from factory.evaluate.measure import measure
from factory.inference.request import Request
from factory.models.artifact import publish
from factory.serve import server
from factory.system.progress import Progress
from factory.tasks.rows import IGNORED, TrainingRow
from factory.tasks.tool_call.call import CallFault, parse_written_call
from factory.tasks.tool_call.taskset import path_messages
from tests.support.calculator import CALCULATOR
from tests.support.scripted import Model, load, numbers, opened, own_tool
from tests.support.tiny_formats import OWN, base_folder
from tests.support.token_rows import token_rows

CALL = {"name": "calculator", "arguments": {"expression": "12 * 7"}}
STUDENT = """
student:
  base: smollm2-135m-instruct
  prune: {heads: 0.3}
  stages: [{sft: {steps: 1}}]
compress: {quantize: w8a8-dynamic}
"""


class Toy(ChatFormat):
    """No system role, a first token, calls without a closing tag and with other keys."""

    title = "Toy"
    parser = "toy_json"
    roles = frozenset({"user", "assistant", "tool"})
    needed_tokens = ("[turn]", "[end]")
    control_tokens = ("[first]", "[turn]", "[end]", "[call]")
    call_marks = ("[call]",)
    call_end = ""
    turn_end = "[end]"
    after_turn = ""
    key = "parameters"

    def write_call(self, call: dict[str, Any]) -> tuple[str, str]:
        return "[call]", json.dumps({"name": call["name"], self.key: call["arguments"]}, ensure_ascii=False)

    def read_calls(self, text: str, read_json: Callable[[str], Any]) -> list[Any] | None:
        before, mark, written = text.partition("[call]")
        if before.strip() or not mark:
            return None
        value = read_json(written)
        return [{"name": value.get("name"), "arguments": value.get(self.key)}]

    def chat_template(self, *, show_tools: bool, own: Path | None = None) -> str:
        return (
            "[first]{% for message in messages %}[turn]{{ message.role }}:"
            "{% for call in message.tool_calls or [] %}"
            '[call]{"name": {{ call.function.name | tojson }}, "KEY": {{ call.function.arguments | tojson }}}'
            "{% endfor %}{{ message.content or '' }}[end]{% endfor %}"
            "{% if add_generation_prompt %}[turn]assistant:{% endif %}"
        ).replace("KEY", self.key)


class PlainToy(Toy):
    """The same with the keys that the teacher writes."""

    key = "arguments"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(letters)}, merges=[]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True) for token in Toy.control_tokens])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="[end]", pad_token="[end]")


def _row(tokenizer: Any, chat_format: ChatFormat, call: dict[str, Any] | None = CALL) -> TrainingRow:
    """Return the row of a question that was answered with a call, or in words."""
    text = json.dumps(call) if call else "Eighty-four."
    ids = tokenizer.encode(text, add_special_tokens=False)
    answered = path_messages("12 times 7?", [[call]], [["84"]], "It is 84.") if call else None
    words = [{"role": "user", "content": "12 times 7?"}, {"role": "assistant", "content": text}]
    sample = {
        "sample_id": "b2:1",
        "seed_id": "b2:seed",
        "messages": json.dumps(answered or words),
        "tools": "[]",
        "text": text,
        "token_ids": ids,
        "token_logprobs": [-0.5] * len(ids),
        "topk_ids": [[one, (one + 1) % 250] for one in ids],
        "topk_logprobs": [[-0.5, -1.5]] * len(ids),
        "teacher_messages": json.dumps([{"role": "user", "content": "12 times 7?"}]),
    }
    chat_format.set_template(tokenizer, show_tools=False)
    (row,) = token_rows(sample, "tool_call", tokenizer, chat_format)
    return row


@pytest.mark.parametrize("chat_format", [Toy(), PlainToy()], ids=["its keys", "the teacher's keys"])
def test_a_row_is_what_the_format_renders_and_its_turns_are_learnt(tokenizer: Any, chat_format: Toy) -> None:
    row = _row(tokenizer, chat_format)
    learnt = tokenizer.decode([label for label in row.labels if label != IGNORED])
    call = json.dumps({"name": "calculator", chat_format.key: CALL["arguments"]})
    assert learnt == f"[call]{call}[end]It is 84.[end]"
    conversation = path_messages("12 times 7?", [[CALL]], [["84"]], "It is 84.")
    assert tokenizer.decode(row.input_ids) == chat_format.render(conversation)
    start, end = row.spans[0].start, row.spans[0].start + row.spans[0].length
    assert tokenizer.decode(row.input_ids[start:end]) == call


def test_the_teachers_tokens_stay_only_where_the_format_writes_the_same_json(tokenizer: Any) -> None:
    same, other = _row(tokenizer, PlainToy()), _row(tokenizer, Toy())
    assert (same.fault, len(same.spans[0].topk_ids)) == ("", same.spans[0].length)
    assert same.spans[0].teacher_ids[-same.spans[0].length :] == [ids[0] for ids in same.spans[0].topk_ids]
    assert (other.fault, other.spans[0].topk_ids, other.spans[0].teacher_ids) == ("other_form", [], [])


def test_words_end_with_the_formats_end_of_turn(tokenizer: Any) -> None:
    row = _row(tokenizer, Toy(), None)
    assert (
        tokenizer.decode(row.input_ids)
        == "[first][turn]user:12 times 7?[end][turn]assistant:Eighty-four.[end]"
    )
    assert Toy().written_marks == ["[call]", "[end]"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("Sure! [call]{}", "wrong_shape"),
        (json.dumps(CALL), "wrong_shape"),
        ("[call]" + json.dumps(CALL), "wrong_shape"),
        (f"<tool_call>{json.dumps(CALL)}</tool_call>", "wrong_shape"),
        ("[call]", "empty"),
        ('[call]{"name": "calculator", "parameters": {"expression": "1', "truncated_json"),
        ('[call]{"name": "shell", "parameters": {}}', "unknown_tool"),
        ('[call]{"name": "calculator", "parameters": {}}', "missing_argument"),
        ('[call]{"name": "calculator", "parameters": {"expression": "<|x|>"}}', "control_token"),
        ("[call]" + "9" * 30_000, "too_large"),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_no_call_of_the_format_has_a_reason(text: str, reason: str) -> None:
    with pytest.raises(CallFault) as caught:
        parse_written_call(text, CALCULATOR, Toy())
    assert caught.value.reason == reason


@pytest.mark.parametrize("chat_format", [Hermes(), Toy(), PlainToy()], ids=["hermes", "toy", "plain toy"])
def test_what_a_format_writes_it_reads(chat_format: ChatFormat) -> None:
    opening, call = chat_format.write_call(CALL)
    written = opening + call + chat_format.call_end
    assert parse_written_call(written, CALCULATOR, chat_format) == CALL
    assert chat_format.has_call(written) and not chat_format.has_call("84")
    conversation = path_messages("12 times 7?", [[CALL]], [["84"]], "It is 84.")
    assert written in chat_format.render(conversation[:2])


def test_hermes_reads_several_calls() -> None:
    one = f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>"
    assert Hermes().read_calls(f"{one}\n{one}", json.loads) == [CALL, CALL]
    assert Hermes().read_calls(f"{one} and {one}", json.loads) is None


def test_a_role_that_the_format_does_not_have_is_refused() -> None:
    with pytest.raises(FactoryError, match="the Toy chat format has no role system"):
        Toy().render([{"role": "system", "content": "Be brief."}])
    assert "Be brief." in Hermes().render([{"role": "system", "content": "Be brief."}])


def test_a_tokenizer_fits_that_knows_the_tokens(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    assert Toy().misfit(tmp_path) is None
    assert "<|im_start|>" in str(Hermes().misfit(tmp_path))


@pytest.mark.parametrize("name", FORMATS)
def test_no_text_may_hold_a_control_token_of_a_format(name: str) -> None:
    chat_format = FORMATS[name]
    assert [control_token(f"a {token} b") for token in chat_format.control_tokens] == [
        *chat_format.control_tokens
    ]
    assert {*chat_format.call_marks, *chat_format.needed_tokens} <= {*chat_format.control_tokens}


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Plan, Plan]]:
    """Yield one recipe with a student in the default format, and in the toy one."""
    monkeypatch.setitem(FORMATS, "toy", Toy())
    path = own_tool(tmp_path)
    path.write_text(path.read_text() + STUDENT)
    plain = load(tmp_path)
    loaded, student = plain.run.loaded, plain.run.student.model_copy(update={"format": "toy"})
    recipe = loaded.recipe.model_copy(update={"student": student})
    toy = replace(plain, run=replace(plain.run, loaded=replace(loaded, recipe=recipe)))
    yield plain, toy
    for context in (plain, toy):
        if context.custom_tools is not None:
            context.custom_tools.close()


def test_a_student_is_examined_in_its_format(contexts: tuple[Plan, Plan], tmp_path: Path) -> None:
    def twice(request: Request) -> str:
        return f'[call]{{"name": "twice", "parameters": {{"number": "{numbers(request)[0]}"}}}}'

    accuracy = []
    for context in contexts:
        candidate = Candidate(
            "student", f"b2:{context.run.student.format}", "student", tmp_path, False, "", ""
        )
        with opened(context) as store:
            accuracy.append(measure(context, store, candidate, Model(twice), local=False).split()[1])
    assert accuracy == ["0.0%", "100.0%"]


def test_another_format_is_another_student_and_the_default_is_in_no_id(
    contexts: tuple[Plan, Plan], tmp_path: Path
) -> None:
    made = []
    for context in contexts:
        with opened(context) as store:
            lineage = Lineage(context.run, store)
            made.append([lineage.adapters[-1][1], lineage.pruned, lineage.student, lineage.quantized])
    for plain, toy in zip(*made, strict=True):
        assert plain is not None and toy is not None
        assert plain.artifact_id != toy.artifact_id
        assert ("format" in plain.about, toy.about["format"]) == (False, "toy")
    for few_shot in (False, True):
        candidate = Candidate("student", "b2:m", "m", tmp_path, few_shot, "", "")
        plain_id, toy_id = (candidate.evaluation_id(context) for context in contexts)
        # The teacher is asked and read as ever.
        assert (plain_id == toy_id) is few_shot
    assert (
        contexts[0].run.chat_choice.name == DEFAULT and "format" not in contexts[0].run.student.model_dump()
    )
    assert contexts[1].run.student.model_dump()["format"] == "toy"


def test_a_recipe_takes_a_name_of_the_table_alone(tmp_path: Path) -> None:
    path = own_tool(tmp_path)
    path.write_text(path.read_text() + STUDENT.replace("base:", "format: hermez\n  base:"))
    with pytest.raises(
        InputError,
        match="'hermez' is not one of auto, hermes, gemma, llama3, mistral, own; did you mean 'hermes'",
    ):
        load(tmp_path)
    path.write_text(path.read_text().replace("hermez", "hermes"))
    assert load(tmp_path).run.student.format == "hermes"


class _Started(Exception):
    pass


@pytest.mark.parametrize(
    ("about", "parser"),
    [
        ({}, "hermes"),
        ({"format": "toy"}, "toy_json"),
        ({"format": "gemma"}, "hermes"),
        ({"format": "llama3"}, "llama3_json"),
        ({"format": "mistral"}, "mistral"),
    ],
)
def test_a_student_is_served_with_the_parser_of_its_format(
    about: dict[str, str], parser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(command: list[str], **_: Any) -> None:
        # Not by the sampling settings that the base came with.
        assert command[command.index("--generation-config") + 1] == "vllm"
        raise _Started(command[command.index("--tool-call-parser") + 1])

    monkeypatch.setitem(FORMATS, "toy", Toy())
    monkeypatch.setattr(server.subprocess, "Popen", start)
    with pytest.raises(_Started, match=f"^{parser}$"), _serving(tmp_path, about):
        pass


@pytest.mark.parametrize(("name", "parser"), [("tags", "hermes"), ("bare", "llama3_json"), ("plain", None)])
def test_a_student_of_a_bases_own_template_is_served_with_the_parser_that_reads_it(
    name: str, parser: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(command: list[str], **_: Any) -> None:
        place = command.index("--tool-call-parser") + 1 if "--tool-call-parser" in command else None
        assert ("--enable-auto-tool-choice" in command) is (place is not None)
        raise _Started(command[place] if place else None)

    monkeypatch.setattr(server.subprocess, "Popen", start)
    template, marks = OWN[name]
    student = tmp_path / "student"
    with publish(student, {"format": "own"}) as staging:
        # As a student is saved: its tokenizer carries the template.
        base = base_folder(tmp_path / "base", marks, template)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
        FORMATS["own"].for_model(base).set_template(tokenizer, show_tools=False)
        tokenizer.save_pretrained(staging)
        (staging / "config.json").write_text("{}")
    with pytest.raises(_Started, match=f"^{parser}$"), _served(student):
        pass


def test_a_student_is_served_as_far_as_its_positions_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(command: list[str], **_: Any) -> None:
        raise _Started(command[command.index("--max-model-len") + 1])

    monkeypatch.setattr(server.subprocess, "Popen", start)
    for known, length in (128, "128"), (512, "256"):
        with (
            pytest.raises(_Started, match=f"^{length}$"),
            _serving(tmp_path / str(known), {}, max_position_embeddings=known),
        ):
            pass


def test_a_student_of_an_unknown_format_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="trained in the chat format toy"):
        _serving(tmp_path, {"format": "toy"})


def _serving(folder: Path, about: dict[str, str], **config: int) -> server.Serving:
    with publish(folder / "student", about) as staging:
        (staging / "config.json").write_text(json.dumps(config))
    return _served(folder / "student")


def _served(student: Path) -> server.Serving:
    return server.Serving(
        student,
        port=0,
        max_model_len=256,
        kv_cache_gb=0.1,
        log=student.parent / "log",
        progress=Progress(),
    )
