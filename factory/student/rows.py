"""From accepted samples to token rows.

Promise: the loss is taken on the assistant's tokens only (the call with its end of turn, the answer with its end of turn). The call's
JSON keeps the teacher's own token ids where both have the same tokenizer, so that the teacher's distribution belongs to the same tokens;
otherwise its text is tokenized anew. What the student sees is the bare question; what the teacher saw, examples and all, is kept beside
it. The text of a row is exactly what the student's chat template renders.
"""

import json
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from factory.templates import template_path

IGNORED = -100


@dataclass(frozen=True)
class TrainingRow:
    """One sample in tokens.

    `input_ids` and `labels` have the same length; labels are `IGNORED` where no loss is taken. `call_start` and `call_length` say where
    the call's JSON stands in `input_ids`. `teacher_ids` is the teacher's prompt followed by the same JSON tokens, empty if the tokenizers
    differ.
    """

    sample_id: str
    input_ids: list[int]
    labels: list[int]
    call_start: int
    call_length: int
    teacher_ids: list[int]


def student_template(show_tools: bool) -> str:
    """Return the Hermes chat template that the student is trained and served with."""
    text = template_path("hermes_chat.jinja").read_text(encoding="utf-8")
    return text.replace("set show_tools = false", "set show_tools = true") if show_tools else text


def build_row(
    sample: dict[str, Any], student: PreTrainedTokenizerBase, teacher: PreTrainedTokenizerBase, *, same_tokenizer: bool
) -> TrainingRow:
    """Return the row of one accepted sample.

    `sample` has sample_id, messages, tools, text, token_ids (or None) and teacher_messages, JSON columns as text. The teacher's
    end-of-turn token is left out: the student's call goes on with its closing tag.
    """
    messages, tools = json.loads(sample["messages"]), json.loads(sample["tools"])
    prompt = _render(student, messages[:1], tools, generate=True)
    to_answer = _render(student, messages[:3], tools, generate=True)[len(_render(student, messages[:2], tools)) :]
    end = str(student.eos_token)
    call_ids = _call_ids(sample, student, same_tokenizer)
    input_ids, labels = _ids(student, prompt), []
    labels += [IGNORED] * len(input_ids)
    opening = _ids(student, "<tool_call>\n")
    call_start = len(input_ids) + len(opening)
    for ids, learnt in (
        (opening + call_ids + _ids(student, "\n</tool_call>" + end), True),
        (_ids(student, "\n" + to_answer), False),
        (_ids(student, messages[3]["content"] + end), True),
    ):
        input_ids += ids
        labels += ids if learnt else [IGNORED] * len(ids)
    teacher_ids: list[int] = []
    if same_tokenizer:
        teacher_ids = _ids(teacher, _render(teacher, json.loads(sample["teacher_messages"]), None, generate=True)) + call_ids
    return TrainingRow(sample["sample_id"], input_ids, labels, call_start, len(call_ids), teacher_ids)


def _call_ids(sample: dict[str, Any], student: PreTrainedTokenizerBase, same_tokenizer: bool) -> list[int]:
    ids = sample["token_ids"]
    if not same_tokenizer or ids is None:
        return _ids(student, sample["text"])
    ids = list(ids)
    return ids[:-1] if ids and ids[-1] in student.all_special_ids else ids


def _render(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, *, generate: bool = False
) -> str:
    return str(tokenizer.apply_chat_template(messages, tools=tools, tokenize=False, add_generation_prompt=generate))


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))
