"""From accepted samples to token rows.

Promise: the loss is taken on the assistant's tokens only (the call with its end of turn, the answer with its end of turn). The call's
JSON keeps the teacher's own token ids, once they are proved to spell the call that was accepted, so that the teacher's distribution belongs
to the same tokens; otherwise the call is tokenized anew, and there is no stored distribution. What the student sees is the bare question;
what the teacher saw, examples and all, is kept beside it. The text of a row is exactly what the student's chat template renders.
"""

import json
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from factory.student.stored import stored_fault
from factory.templates import template_path

IGNORED = -100
OPENING, CLOSING = "<tool_call>\n", "\n</tool_call>"


@dataclass(frozen=True)
class TrainingRow:
    """One sample in tokens.

    `input_ids` and `labels` have the same length; labels are `IGNORED` where no loss is taken. `call_start` and `call_length` say where the
    call's JSON stands in `input_ids`. `teacher_ids` is the teacher's prompt followed by the same JSON tokens, empty if the teacher's
    tokenizer is another one or not here, or if a person edited question or call. `topk_ids` and `topk_logprobs` (call_length, k) are the
    stored distribution, by rank; where it cannot be used both are empty and `fault` is the reason (`factory.student.stored`, or `edited`,
    or `other_text`: the stored tokens spell something else).
    """

    sample_id: str
    input_ids: list[int]
    labels: list[int]
    call_start: int
    call_length: int
    teacher_ids: list[int]
    topk_ids: list[list[int]]
    topk_logprobs: list[list[float]]
    fault: str


def student_template(show_tools: bool) -> str:
    """Return the Hermes chat template that the student is trained and served with."""
    text = template_path("hermes_chat.jinja").read_text(encoding="utf-8")
    return text.replace("set show_tools = false", "set show_tools = true") if show_tools else text


def build_row(
    sample: dict[str, Any],
    student: PreTrainedTokenizerBase,
    teacher: PreTrainedTokenizerBase | None,
    *,
    own_tokens: bool,
    vocabulary: int,
) -> TrainingRow:
    """Return the row of one accepted sample.

    `sample` has sample_id, messages, tools, text, token_ids, token_logprobs, topk_ids, topk_logprobs (each or None) and teacher_messages,
    JSON columns as text. `teacher` is the teacher's tokenizer, None where it is not here. `own_tokens`: the stored tokens may be the
    student's tokens. `vocabulary` is the number of tokens that the student's model knows. The teacher's end-of-turn token is left out: the
    student's call goes on with its closing tag.
    """
    messages, tools = json.loads(sample["messages"]), json.loads(sample["tools"])
    prompt = _render(student, messages[:1], tools, generate=True)
    to_answer = _render(student, messages[:3], tools, generate=True)[len(_render(student, messages[:2], tools)) :]
    end = str(student.eos_token)
    teacher_messages = json.loads(sample["teacher_messages"])
    if teacher_messages[-1]["content"] == messages[0]["content"]:
        call_ids, fault = _call_ids(sample, messages[1]["tool_calls"][0]["function"], student, own_tokens)
    else:
        call_ids, fault = _edited(messages[1]["tool_calls"][0]["function"], student)
    columns = sample["topk_ids"], sample["topk_logprobs"]
    if not fault:
        fault = stored_fault(sample["token_ids"], sample["token_logprobs"], *columns, vocabulary)
    input_ids, labels = _ids(student, prompt), []
    labels += [IGNORED] * len(input_ids)
    opening = _ids(student, OPENING)
    call_start = len(input_ids) + len(opening)
    for ids, learnt in (
        (opening + call_ids + _ids(student, CLOSING + end), True),
        (_ids(student, "\n" + to_answer), False),
        (_ids(student, messages[3]["content"] + end), True),
    ):
        input_ids += ids
        labels += ids if learnt else [IGNORED] * len(ids)
    teacher_ids: list[int] = []
    # What the teacher saw was another question, or what it said another call.
    if teacher is not None and fault != "edited":
        teacher_ids = _ids(teacher, _render(teacher, teacher_messages, None, generate=True)) + call_ids
    topk_ids, topk_logprobs = ([], []) if fault else (list(map(list, column[: len(call_ids)])) for column in columns)
    return TrainingRow(sample["sample_id"], input_ids, labels, call_start, len(call_ids), teacher_ids, topk_ids, topk_logprobs, fault)


def _call_ids(sample: dict[str, Any], call: dict[str, Any], student: PreTrainedTokenizerBase, own_tokens: bool) -> tuple[list[int], str]:
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
        return _ids(student, sample["text"]), "no_logprobs" if sample["token_ids"] is None else "other_text"
    return ids, ""


def _edited(call: dict[str, Any], student: PreTrainedTokenizerBase) -> tuple[list[int], str]:
    accepted = {"name": call["name"], "arguments": json.loads(call["arguments"])}
    return _ids(student, json.dumps(accepted, ensure_ascii=False)), "edited"


def _render(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, *, generate: bool = False
) -> str:
    return str(tokenizer.apply_chat_template(messages, tools=tools, tokenize=False, add_generation_prompt=generate))


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))
