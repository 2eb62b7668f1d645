"""From an accepted call to a token row.

Promise: the loss is taken on the call with its end of turn, and on the answer with its end of turn. The
call's JSON keeps the teacher's own token ids, once they are proved to spell the call that was accepted;
otherwise it is tokenized again, and there is no stored distribution.
"""

import json
from typing import Any, Literal

from factory.tasks.rows import CLOSING, IGNORED, OPENING, TrainingRow, build_words_row, encode, render
from factory.tasks.stored_distribution import stored_fault
from factory.tasks.tokenizer import ChatTokenizer
from factory.text.reasons import ReasonCode


def build_row(
    sample: dict[str, Any],
    student: ChatTokenizer,
    teacher: ChatTokenizer | None,
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
        return build_words_row(sample, student, teacher, own_tokens=own_tokens, vocabulary=vocabulary)
    prompt = render(student, messages[:1], tools, generate=True)
    to_answer = render(student, messages[:3], tools, generate=True)[
        len(render(student, messages[:2], tools)) :
    ]
    end = str(student.eos_token)
    teacher_messages = json.loads(sample["teacher_messages"])
    if teacher_messages[-1]["content"] == messages[0]["content"]:
        call_ids, fault = _call_ids(sample, messages[1]["tool_calls"][0]["function"], student, own_tokens)
    else:
        call_ids, fault = _edited(messages[1]["tool_calls"][0]["function"], student)
    columns = sample["topk_ids"], sample["topk_logprobs"]
    if not fault:
        fault = stored_fault(sample["token_ids"], sample["token_logprobs"], *columns, vocabulary)
    input_ids, labels = encode(student, prompt), []
    labels += [IGNORED] * len(input_ids)
    opening = encode(student, OPENING)
    taught_start = len(input_ids) + len(opening)
    for ids, learnt in (
        (opening + call_ids + encode(student, CLOSING + end), True),
        (encode(student, "\n" + to_answer), False),
        (encode(student, messages[3]["content"] + end), True),
    ):
        input_ids += ids
        labels += ids if learnt else [IGNORED] * len(ids)
    teacher_ids: list[int] = []
    # What the teacher saw was another question, or what it said another call.
    if teacher is not None and fault != "edited":
        teacher_ids = encode(teacher, render(teacher, teacher_messages, None, generate=True)) + call_ids
    topk_ids, topk_logprobs = (
        ([], []) if fault else (list(map(list, column[: len(call_ids)])) for column in columns)
    )
    return TrainingRow(
        sample["sample_id"],
        input_ids,
        labels,
        taught_start,
        len(call_ids),
        teacher_ids,
        topk_ids,
        topk_logprobs,
        fault,
        seed=sample["seed_id"],
    )


def _call_ids(
    sample: dict[str, Any], call: dict[str, Any], student: ChatTokenizer, own_tokens: bool
) -> tuple[list[int], ReasonCode | Literal[""]]:
    """Return the tokens of the accepted call, and why they are not the stored ones."""
    accepted = {"name": call["name"], "arguments": json.loads(call["arguments"])}
    try:
        same = json.loads(sample["text"]) == accepted
    except ValueError:
        same = False
    if not same:
        return _edited(call, student)
    ids = list(sample["token_ids"] or ())
    if ids and ids[-1] in student.all_special_ids:
        ids.pop()
    if not ids or not own_tokens or student.decode(ids, skip_special_tokens=True) != sample["text"]:
        return encode(student, sample["text"]), "no_logprobs" if sample["token_ids"] is None else "other_text"
    return ids, ""


def _edited(call: dict[str, Any], student: ChatTokenizer) -> tuple[list[int], ReasonCode | Literal[""]]:
    accepted = {"name": call["name"], "arguments": json.loads(call["arguments"])}
    return encode(student, json.dumps(accepted, ensure_ascii=False)), "edited"
