"""From an accepted call to a token row.

Promise: the loss is taken on the call with its end of turn, and on the answer with its end of turn. The
call's JSON keeps the teacher's own token ids, once they are proved to spell the call that was accepted;
otherwise it is tokenized again, and there is no stored distribution.
"""

import itertools
import json
from typing import Any, Literal

from factory.chat_formats.format import ChatFormat
from factory.tasks.rows import IGNORED, TrainingRow, build_words_row, encode, encode_after, render
from factory.tasks.stored_distribution import stored_fault
from factory.tasks.tokenizer import ChatTokenizer
from factory.text.reasons import ReasonCode
from factory.text.thinking import without_thinking


def build_row(
    sample: dict[str, Any],
    student: ChatTokenizer,
    teacher: ChatTokenizer | None,
    chat_format: ChatFormat,
    *,
    own_tokens: bool,
    vocabulary: int,
) -> TrainingRow:
    """Return the row of one accepted sample.

    What it takes is what `factory.tasks.rows.build_words_row` takes, which makes the row where no tool was
    called. The teacher's end-of-turn token is left out: the student's call goes on with its closing tag.
    """
    messages, tools = json.loads(sample["messages"]), json.loads(sample["tools"])
    if len(messages) == 2:
        return build_words_row(
            sample, student, teacher, chat_format, own_tokens=own_tokens, vocabulary=vocabulary
        )
    prompt = chat_format.render(messages[:1], tools, tokenizer=student, generate=True)
    to_answer = chat_format.render(messages[:3], tools, tokenizer=student, generate=True)[
        len(chat_format.render(messages[:2], tools, tokenizer=student)) :
    ]
    end = chat_format.turn_end
    function = messages[1]["tool_calls"][0]["function"]
    accepted = {"name": function["name"], "arguments": json.loads(function["arguments"])}
    before_call, call = chat_format.write_call(accepted)
    fault: ReasonCode | Literal[""]
    teacher_messages = json.loads(sample["teacher_messages"])
    own_ids: list[int] = []
    if teacher_messages[-1]["content"] == messages[0]["content"]:
        call, own_ids, fault = _own_call(sample, accepted, student, chat_format, own_tokens)
    else:
        fault = "edited"
    columns = sample["topk_ids"], sample["topk_logprobs"]
    if not fault:
        fault = stored_fault(sample["token_ids"], sample["token_logprobs"], *columns, vocabulary)
    opened, closing = prompt + before_call, chat_format.call_end + end
    asked, opening = encode(student, prompt), encode_after(student, prompt, before_call)
    if own_ids:
        call_ids, turn = own_ids, own_ids + encode_after(student, opened + call, closing)
    else:
        turn = encode_after(student, opened, call + closing)
        call_ids = _shared(turn, encode_after(student, opened, call))
    between, written = chat_format.after_turn + to_answer, opened + call + closing
    input_ids: list[int] = []
    labels: list[int] = []
    for ids, learnt in (
        (asked, False),
        (opening + turn, True),
        (encode_after(student, written, between), False),
        (encode_after(student, written + between, messages[3]["content"] + end), True),
    ):
        input_ids += ids
        labels += ids if learnt else [IGNORED] * len(ids)
    teacher_ids: list[int] = []
    # What the teacher saw was another question, or what it said another call, or the same in another form.
    if teacher is not None and fault not in ("edited", "other_form"):
        teacher_ids = encode(teacher, render(teacher, teacher_messages, None, generate=True)) + call_ids
    topk_ids, topk_logprobs = (
        ([], []) if fault else (list(map(list, column[: len(call_ids)])) for column in columns)
    )
    return TrainingRow(
        sample["sample_id"],
        input_ids,
        labels,
        len(asked) + len(opening),
        len(call_ids),
        teacher_ids,
        topk_ids,
        topk_logprobs,
        fault,
        seed=sample["seed_id"],
    )


def _shared(one: list[int], other: list[int]) -> list[int]:
    """Return what two lists begin with together: the last token of a call may be one with what closes it."""
    pairs = zip(one, other, strict=False)
    return [first for first, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _own_call(
    sample: dict[str, Any],
    accepted: dict[str, Any],
    student: ChatTokenizer,
    chat_format: ChatFormat,
    own_tokens: bool,
) -> tuple[str, list[int], ReasonCode | Literal[""]]:
    """Return the text of the accepted call, the teacher's own tokens for it, and why there are none."""
    opening, call = chat_format.write_call(accepted)
    said = without_thinking(sample["text"])
    try:
        same = json.loads(said) == accepted
    except ValueError:
        same = False
    if not same:
        return call, [], "edited"
    if said != sample["text"]:
        return call, [], "other_text"
    if chat_format.read_calls(opening + sample["text"] + chat_format.call_end, json.loads) != [accepted]:
        return call, [], "other_form"
    ids = list(sample["token_ids"] or ())
    if ids and ids[-1] in student.all_special_ids:
        ids.pop()
    if not ids or not own_tokens or student.decode(ids, skip_special_tokens=True) != sample["text"]:
        return sample["text"], [], "no_logprobs" if sample["token_ids"] is None else "other_text"
    return sample["text"], ids, ""
