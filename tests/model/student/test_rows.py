"""Token rows of the real tokenizer: what is learnt, what is not, and that vLLM's own parser reads what the
student is taught to write."""

import json

import pytest

pytest.importorskip("torch")

from factory.chat_formats.hermes import Hermes
from factory.tasks.rows import IGNORED
from factory.tasks.tool_call.taskset import path_messages
from tests.support.bundled import bundled_tokenizer
from tests.support.token_rows import token_rows

CALL = '{"name": "calculator", "arguments": {"expression": "12 * 7"}}'
TOOLS = [
    {
        "type": "function",
        "function": {"name": "calculator", "description": "Counts.", "parameters": {"type": "object"}},
    }
]


@pytest.fixture(scope="module")
def tokenizer():
    tokenizer = bundled_tokenizer()
    Hermes().set_template(tokenizer, show_tools=False)
    return tokenizer


def _build(tokenizer, sample: dict, *, own_tokens: bool = True):
    (row,) = token_rows(sample, "tool_call", tokenizer, Hermes(), own_tokens=own_tokens)
    return row


def _sample(tokenizer, token_ids: list[int] | None) -> dict:
    others = [(token + 1) % len(tokenizer) for token in token_ids or ()]
    call = json.loads(CALL)
    return {
        "sample_id": "b2:1",
        "seed_id": "b2:seed",
        "messages": json.dumps(
            path_messages("How much is 12 times 7?", [[call]], [["84"]], "The answer is 84.")
        ),
        "tools": json.dumps(TOOLS),
        "text": CALL,
        "token_ids": token_ids,
        "token_logprobs": token_ids and [-0.5] * len(token_ids),
        "topk_ids": token_ids and [list(pair) for pair in zip(token_ids, others, strict=True)],
        "topk_logprobs": token_ids and [[-0.5, -1.5]] * len(token_ids),
        "teacher_messages": json.dumps(
            [
                {"role": "system", "content": "Examples."},
                {"role": "user", "content": "How much is 12 times 7?"},
            ]
        ),
    }


def test_the_loss_is_on_the_assistants_words_alone(tokenizer) -> None:
    row = _build(tokenizer, _sample(tokenizer, None))
    learnt = tokenizer.decode([label for label in row.labels if label != IGNORED])
    assert learnt == f"<tool_call>\n{CALL}\n</tool_call><|im_end|>The answer is 84.<|im_end|>"
    assert [
        token for token, label in zip(row.input_ids, row.labels, strict=True) if label not in (IGNORED, token)
    ] == []


def test_the_text_is_what_the_students_template_renders(tokenizer) -> None:
    sample = _sample(tokenizer, None)
    row = _build(tokenizer, sample)
    rendered = tokenizer.apply_chat_template(json.loads(sample["messages"]), tools=TOOLS, tokenize=False)
    assert tokenizer.decode(row.input_ids) + "\n" == rendered


def test_the_teachers_own_tokens_are_kept_and_end_both_sides(tokenizer) -> None:
    # Another way to cut the same text into tokens than the tokenizer's own: character by character.
    odd = [token for char in CALL for token in tokenizer.encode(char, add_special_tokens=False)]
    assert odd != tokenizer.encode(CALL, add_special_tokens=False)
    row = _build(tokenizer, _sample(tokenizer, [*odd, tokenizer.eos_token_id]))
    assert row.input_ids[row.spans[0].start : row.spans[0].start + row.spans[0].length] == odd
    assert row.spans[0].teacher_ids[-row.spans[0].length :] == odd
    assert tokenizer.decode(row.spans[0].teacher_ids).startswith("<|im_start|>system\nExamples.")
    assert row.fault == ""
    assert [ids[0] for ids in row.spans[0].topk_ids] == odd
    assert len(row.spans[0].topk_logprobs) == row.spans[0].length


def test_another_tokenizer_gets_the_text_and_no_teacher(tokenizer) -> None:
    row = _build(tokenizer, _sample(tokenizer, [5, 6, 7]), own_tokens=False)
    assert (row.spans[0].teacher_ids, row.spans[0].topk_ids, row.fault) == ([], [], "other_text")
    assert (
        tokenizer.decode(row.input_ids[row.spans[0].start : row.spans[0].start + row.spans[0].length]) == CALL
    )


def test_a_question_that_was_edited_is_learnt_without_the_distribution_of_the_old_one(tokenizer) -> None:
    sample = _sample(tokenizer, tokenizer.encode(CALL, add_special_tokens=False))
    sample["messages"] = json.dumps(
        path_messages("12 times 7?", [[json.loads(CALL)]], [["84"]], "The answer is 84.")
    )
    row = _build(tokenizer, sample)
    assert (
        tokenizer.decode(row.input_ids[row.spans[0].start : row.spans[0].start + row.spans[0].length]) == CALL
    )
    assert (row.fault, row.spans[0].topk_ids, row.spans[0].teacher_ids) == ("edited", [], [])


def test_a_call_that_was_edited_is_learnt_as_it_is_now_without_the_old_distribution(tokenizer) -> None:
    sample = _sample(tokenizer, tokenizer.encode(CALL, add_special_tokens=False))
    new = {"name": "calculator", "arguments": {"expression": "12 * 8"}}
    sample["messages"] = json.dumps(
        path_messages("How much is 12 times 8?", [[new]], [["96"]], "The answer is 96.")
    )
    row = _build(tokenizer, sample)
    assert (
        json.loads(
            tokenizer.decode(row.input_ids[row.spans[0].start : row.spans[0].start + row.spans[0].length])
        )
        == new
    )
    assert (row.fault, row.spans[0].topk_ids) == ("edited", [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"token_logprobs": None, "topk_ids": None, "topk_logprobs": None}, "no_logprobs"),
        ({"token_ids": None}, "no_logprobs"),
        ({"text": CALL + " "}, "other_text"),
    ],
)
def test_a_row_that_cannot_be_proved_says_why(tokenizer, change: dict, reason: str) -> None:
    row = _build(tokenizer, _sample(tokenizer, tokenizer.encode(CALL, add_special_tokens=False)) | change)
    assert (row.fault, row.spans[0].topk_ids, row.spans[0].topk_logprobs) == (reason, [], [])


def test_vllms_hermes_parser_reads_the_call(tokenizer) -> None:
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.tool_parsers.hermes_tool_parser import Hermes2ProToolParser

    row = _build(tokenizer, _sample(tokenizer, None))
    first_turn = tokenizer.decode([label for label in row.labels if label != IGNORED]).split("<|im_end|>")[0]
    request = ChatCompletionRequest(messages=[{"role": "user", "content": "x"}], model="m")
    parsed = Hermes2ProToolParser(tokenizer).extract_tool_calls(first_turn, request)
    assert parsed.tools_called
    assert parsed.tool_calls[0].function.name == "calculator"
    assert json.loads(parsed.tool_calls[0].function.arguments) == {"expression": "12 * 7"}
