"""Token rows of function calls: the prompt shows the tools of the task, the loss lies on the turn with the
calls and its end, and the teacher's tokens stand in it."""

import json
from typing import Any

import pytest

pytest.importorskip("torch")

from factory.chat_formats.formats import FORMATS
from factory.tasks.conversation import stored_conversation
from factory.tasks.function_call.taskset import FunctionCallTaskset
from factory.tasks.kinds import KINDS
from factory.tasks.rows import IGNORED, RowBuilder, TrainingRow
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import replay
from tests.support.functions import call, seeds
from tests.support.tiny_formats import CHATML, GEMMA, LLAMA, MISTRAL, tokenizer

WEATHER, HALL, BOTH, FAUST, CHINESE = seeds()
TASKSET = FunctionCallTaskset(seeds(), examples=1, seed=7)
SPECIAL = {"hermes": CHATML, "gemma": GEMMA, "llama3": LLAMA, "mistral": MISTRAL}
SAID = {
    BOTH: [
        json.dumps([call("switch_lamp", room="hall", on=True), call("switch_lamp", room="attic", on=False)])
    ],
    CHINESE: [json.dumps([call("maps_route", to="外滩")], ensure_ascii=False)],
    FAUST: ["[]", "Goethe wrote it."],
}


def made(seed: Any) -> Sample:
    task = Task(seed.seed_id, seed.language, seed.family, seed.question, seed.reference, tools=seed.tools)
    return replay(TASKSET.episode(task, 0), SAID[seed])


def row(name: str, seed: Any) -> tuple[Any, dict[str, Any], TrainingRow]:
    chat_format, sample = FORMATS[name], made(seed)
    speaks = tokenizer(SPECIAL[name], chat_format.turn_end)
    chat_format.set_template(speaks, show_tools=True)
    stored = {
        "sample_id": "b2:1", "seed_id": seed.seed_id, "answer": sample.answer, "rationale": None,
        "messages": json.dumps(sample.messages), "tools": json.dumps(sample.tools), "request_key": "k",
        "request_keys": None, "origins": json.dumps([{"by": "teacher", "request_key": "k"}]),
    }  # fmt: skip
    ids = speaks.encode(sample.text, add_special_tokens=False)
    ids.append(speaks.convert_tokens_to_ids(chat_format.turn_end))
    asked = [{"role": "user", "content": seed.question}]
    answer = {"messages": json.dumps(asked), "text": sample.text, "token_ids": ids} | dict.fromkeys(
        ("token_logprobs", "topk_ids", "topk_logprobs")
    )
    builder = RowBuilder(chat_format, speaks, None, True, len(speaks))
    data = KINDS["function_call"].settings.model_construct(kind="function_call")
    conversation = stored_conversation(stored)
    (built,) = builder.rows(KINDS["function_call"], data, stored, conversation, {"k": answer})
    return speaks, stored, built


@pytest.mark.parametrize("seed", SAID, ids=["parallel", "Chinese", "in words"])
@pytest.mark.parametrize("name", SPECIAL)
def test_the_turn_with_the_calls_is_learnt_after_the_tools_of_its_task(name: str, seed: Any) -> None:
    speaks, stored, built = row(name, seed)
    messages, tools = json.loads(stored["messages"]), json.loads(stored["tools"])
    chat_format = FORMATS[name]
    prompt = chat_format.render(messages[:1], tools, tokenizer=speaks, generate=True)
    whole = chat_format.render(messages, tools, tokenizer=speaks).removesuffix(chat_format.after_turn)
    for tool in tools:
        assert json.dumps(tool["function"]["name"]) in prompt
    assert speaks.decode(built.input_ids) == whole
    learnt = [token for token, label in zip(built.input_ids, built.labels, strict=True) if label != IGNORED]
    assert speaks.decode(learnt) == whole.removeprefix(prompt)
    assert speaks.decode(learnt).endswith(chat_format.turn_end)
    assert len(built.calls) == len(messages[1].get("tool_calls", []))


def test_the_teachers_tokens_stand_in_each_call() -> None:
    speaks, _, built = row("hermes", BOTH)
    spelled = [speaks.decode(built.input_ids[one.start : one.start + one.length]) for one in built.spans]
    assert [json.loads(text)["arguments"]["room"] for text in spelled] == ["hall", "attic"]
