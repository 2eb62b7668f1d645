"""Answers are read as servers really write them: the text decides, decoration never costs it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.inference.completion import BrokenOff, Completion, read_completion
from factory.inference.request import Request, Sampling
from factory.text.thinking import split_thinking, with_thinking
from tests.support.model_server import completion

FREE = Request("b2:0", [], Sampling(0.8, 1.0, 64, 2))
JSON = Request("b2:0", [], Sampling(0.8, 1.0, 64, 2), {"type": "array"})


def read(text: Any = "yes", request: Request = FREE, *, wrapped: bool = False, **choice: Any) -> Completion:
    choice = choice if "message" in choice else choice | {"message": {"role": "assistant", "content": text}}
    body = completion({"model": "tiny", "logprobs": True, "top_logprobs": 2}, "", **choice)
    return read_completion(json.dumps(body).encode(), request, wrapped=wrapped)


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": content, **more}}


@pytest.mark.parametrize(
    ("written", "end"),
    [(end, "stop") for end in ("stop", "STOP", "eos", "eos_token", "end_turn", "stop_sequence", "", None)]
    + [(end, "stop") for end in ("FinishReason.STOP", "Stop", "complete", ["stop"], 5)]
    + [(end, "length") for end in ("length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens")]
    + [(end, "content_filter") for end in ("content_filter", "SAFETY", "recitation", "PROHIBITED_CONTENT")]
    + [("tool_calls", "tool_calls")]
    # SGLang's own form, DashScope, Bedrock, Zhipu, Anthropic through a gateway, Cohere.
    + [({"type": "length", "length": 64}, "length"), ({"type": "stop", "matched": 151645}, "stop")]
    + [(["length"], "length"), ("null", "stop"), ("end_of_turn", "stop")]
    + [("model_context_window_exceeded", "length"), ("max_completion_tokens", "length")]
    + [("guardrail_intervened", "content_filter"), ("sensitive", "content_filter")]
    + [("refusal", "content_filter"), ("ERROR_TOXIC", "content_filter")],
)
def test_the_end_of_an_answer_is_known_however_it_is_spelt(written: Any, end: str) -> None:
    found = read(finish_reason=written)
    assert (found.finish_reason, found.text, found.notes) == (end, "yes", [])


def test_an_end_that_nobody_knows_is_taken_for_one_and_told() -> None:
    found = read(finish_reason="full_moon")
    assert (found.finish_reason, found.text) == ("stop", "yes")
    assert "full_moon" in found.notes[0]


@pytest.mark.parametrize(
    "written",
    ["error", "abort", "cancelled", "insufficient_system_resource", "network_error", {"type": "abort"}],
)
def test_an_answer_that_was_broken_off_is_none(written: Any) -> None:
    with pytest.raises(BrokenOff, match=written if isinstance(written, str) else written["type"]):
        read(finish_reason=written)


DECORATIONS: dict[str, dict[str, Any]] = {
    "texts for ids": {"token_ids": ["a"]},
    "ids beyond the store": {"token_ids": [2**31]},
    "null logprobs": {"logprobs": None},
    "logprobs without content": {"logprobs": {"content": None}},
    "a list for logprobs": {"logprobs": [1.0]},
    "texts for logprobs": {"logprobs": {"content": [{"token": "a", "logprob": "-1", "top_logprobs": []}]}},
    "null for a logprob": {"logprobs": {"content": [{"token": "a", "logprob": None, "top_logprobs": []}]}},
    "NaN for a logprob": {"logprobs": {"content": [{"token": "a", "logprob": float("nan")}]}},
    "logprobs as completions have them": {"logprobs": {"tokens": ["a"], "token_logprobs": [-1.0]}},
}


@pytest.mark.parametrize("choice", DECORATIONS.values(), ids=DECORATIONS.keys())
def test_logprobs_that_are_none_cost_no_text(choice: dict[str, Any]) -> None:
    answer = read(**choice).answer("b2:0", 0.1, ())
    assert (answer.text, answer.error, answer.token_ids) == ("yes", None, None)
    assert answer.topk_ids is None


@pytest.mark.parametrize(
    "usage",
    [None, {}, [], "many", {"prompt_tokens": 1.5}, {"prompt_tokens": 10**30, "completion_tokens": None}],
)
def test_usage_that_is_none_costs_no_text(usage: Any) -> None:
    body = completion({"model": "tiny"}, "yes") | {"usage": usage}
    found = read_completion(json.dumps(body).encode(), FREE)
    assert (found.text, found.prompt_tokens, found.completion_tokens) == ("yes", 0, 0)


THOUGHTS: dict[str, dict[str, Any]] = {
    "before the answer": said("<think>3+1</think>Answer: 4"),
    "on lines of its own": said("\n<think>\n3+1\n</think>\n\nAnswer: 4"),
    "opened by the template": said("3+1\n</think>\n\nAnswer: 4"),
    "in reasoning_content": said("Answer: 4", reasoning_content="3+1"),
    "in reasoning": said("Answer: 4", reasoning="3+1\n"),
    "in both fields": said("Answer: 4", reasoning_content="3+1", reasoning="3+1"),
    "in parts": said([{"type": "thinking", "thinking": "3+1"}, {"type": "text", "text": "Answer: 4"}]),
    "in parts of parts": said(
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "3+"}, {"type": "text", "text": "1"}]},
            {"type": "text", "text": "Answer: "},
            {"type": "text", "text": "4"},
        ]
    ),
    "in Magistral's signs": said("[THINK]3+1[/THINK]Answer: 4"),
    "in Gemini's": said("<thought>\n3+1\n</thought>\nAnswer: 4"),
    "in Kimi's": said("◁think▷3+1◁/think▷Answer: 4"),
    "in tags of another name": said("<thinking>3+1</thinking>\n\nAnswer: 4"),
    "in a channel of gpt-oss": said(
        "<|channel|>analysis<|message|>3+1<|end|><|start|>assistant<|channel|>final<|message|>Answer: 4"
    ),
    "in a channel without its tokens": said("analysis3+1assistantfinalAnswer: 4"),
    "in reasoning_details": said(
        "Answer: 4",
        reasoning=None,
        reasoning_details=[{"type": "reasoning.text", "text": "3+1"}, {"type": "reasoning.encrypted"}],
    ),
    "in thinking": said("Answer: 4", thinking="3+1"),
    "in thinking_blocks": said("Answer: 4", thinking_blocks=[{"type": "thinking", "thinking": "3+1"}]),
    "in a part of another name": said([{"type": "reasoning.text", "text": "3+1"}, {"text": "Answer: 4"}]),
}


@pytest.mark.parametrize("choice", THOUGHTS.values(), ids=THOUGHTS.keys())
def test_thinking_stands_before_the_answer_and_not_before_json(choice: dict[str, Any]) -> None:
    assert split_thinking(read(**choice).text) == ("3+1", "Answer: 4")
    assert read(request=JSON, **choice).text == "Answer: 4"


@pytest.mark.parametrize(
    "text",
    [
        "analysis of the question: 4",
        "<reasoning> is a tag of XML.",
        "It is [THINK]3[/THINK] 4",
        "<thought>On and on",
        "assistantfinal",
    ],
)
def test_signs_of_thinking_count_in_pairs_and_before_the_answer(text: str) -> None:
    assert (read(text).text, split_thinking(text)) == (text, ("", text))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "yes"}], "yes"),
        ([{"type": "output_text", "text": "y"}, "es"], "yes"),
        ([{"type": "image_url", "image_url": {"url": "…"}}, {"text": "yes"}], "yes"),
        ([], ""),
        (None, ""),
    ],
)
def test_content_may_come_in_parts(content: Any, text: str) -> None:
    assert read(content).text == text


def test_a_refusal_in_a_field_of_its_own_is_what_was_said() -> None:
    assert read(**said(None, refusal="I can't help with that.")).text == "I can't help with that."


@pytest.mark.parametrize(
    "choice",
    [
        said("", reasoning_content="On and on"),
        said(None, reasoning="On and on"),
        said("<think>On and on"),
        said("  "),
        said([{"type": "thinking", "thinking": "On and on"}]),
    ],
)
@pytest.mark.parametrize("end", ["length", "MAX_TOKENS"])
def test_thinking_that_used_up_the_tokens_is_named(choice: dict[str, Any], end: str) -> None:
    found = read(finish_reason=end, **choice).answer("b2:0", 0.1, ())
    assert (found.error, found.text, found.finish_reason) == ("thinking_cut_off", "", "length")


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_an_answer_that_a_parser_took_for_thinking_is_the_answer(field: str) -> None:
    assert read(**said(None, **{field: "Answer: 4"})).text == "Answer: 4"
    assert read(request=JSON, **said("", **{field: "[1]"})).text == "[1]"


def test_what_the_filter_left_nothing_of_is_named() -> None:
    found = read(None, finish_reason="content_filter").answer("b2:0", 0.1, ())
    assert (found.error, found.text) == ("filtered", "")
    assert read("half", finish_reason="content_filter").error is None


@pytest.mark.parametrize(
    "text",
    [
        "```json\n[1]\n```",
        "```\n[1]\n```",
        " ```JSON\r\n[1]\r\n```\n",
        "~~~\n[1]\n~~~",
        "````json\n[1]\n````",
    ],
)
def test_one_fence_around_json_is_taken_off_and_told(text: str) -> None:
    found = read(text, JSON)
    assert found.text == "[1]" and "code fences" in found.notes[0]
    assert read(text).text == text, "where no JSON was asked for the text is the answer"


OBJECT = Request("b2:0", [], Sampling(0.8, 1.0, 64, 2), {"type": "object"})


@pytest.mark.parametrize(
    ("text", "request_", "inside", "said"),
    [
        ("```json [1] ```", JSON, "[1]", "code fences"),
        ('```json{"a": 1}```', OBJECT, '{"a": 1}', "code fences"),
        ('```json title="calls"\n[1]\n```', JSON, "[1]", "code fences"),
        ('<tool_call>\n{"a": 1}\n</tool_call>', OBJECT, '{"a": 1}', "<tool_call>"),
        ('<tool_call>{"a": 1}</tool_call>', JSON, '[{"a": 1}]', "<tool_call>"),
        ("<tool_call>1</tool_call>\n<tool_call>2</tool_call>", JSON, "[1, 2]", "<tool_call>"),
        ("```json\n<tool_call>[1]</tool_call>\n```", JSON, "[1]", "<tool_call>"),
        ('"[\\"a\\"]"', JSON, '["a"]', "quotes"),
        ("\ufeff[1]", JSON, "[1]", "nobody sees"),
    ],
)
def test_what_models_write_around_json_is_taken_off_and_told(
    text: str, request_: Request, inside: str, said: str
) -> None:
    found = read(text, request_)
    assert found.text == inside and said in " ".join(found.notes)
    assert (found.tokens, read(text).text) == (None, text)


AROUND = st.sampled_from([*'`~[]{}" \n', "json", "<tool_call>", "</tool_call>", "\ufeff"])


@given(st.lists(AROUND, max_size=20).map("".join))
def test_nothing_but_what_is_around_json_is_taken_off(text: str) -> None:
    found = read(text, JSON)
    assert bool(found.notes) or found.text == text


@pytest.mark.parametrize(
    "text", ["Here: ```json\n[1]\n```", "```json\n[1]", "```json\n[1]\n``` done", "[1]", "[1]\n", '"a"']
)
def test_what_is_no_fence_around_all_stays(text: str) -> None:
    assert (read(text, JSON).text, read(text, JSON).notes) == (text, [])


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('{"answer": [1, {"é": null}]}', '[1, {"é": null}]'),
        ('```json\n{"answer": []}\n```', "[]"),
        ('{"answer": [1], "more": 2}', '{"answer": [1], "more": 2}'),
        ("[1]", "[1]"),
        ('{"answer": ', '{"answer": '),
    ],
)
def test_an_object_that_was_asked_for_around_the_answer_is_taken_off(text: str, inside: str) -> None:
    assert read(text, JSON, wrapped=True).text == inside


def test_a_text_that_was_changed_has_no_tokens() -> None:
    assert read("yes").tokens is not None
    assert read("```\n[1]\n```", JSON).tokens is None
    assert read(**said("yes", reasoning="So")).tokens is None
    assert read(**said("yes", reasoning="So"), token_ids=[1, 2]).has_ids


@pytest.mark.parametrize("content", [5, True, {"text": "yes"}])
def test_what_is_no_text_is_no_answer(content: Any) -> None:
    with pytest.raises(ValueError, match="content"):
        read(content)


@given(
    st.text().filter(lambda text: "think>" not in text), st.text().filter(lambda text: "think>" not in text)
)
def test_thinking_that_was_put_before_a_text_is_found_again(thinking: str, text: str) -> None:
    thinking, text = thinking.strip(), text.strip()
    assert split_thinking(with_thinking(thinking, text)) == (thinking, text)
