"""From an accepted rationale to token rows: to answer at once, and to reason first (Distilling Step-by-Step, `factory.export.multitask`).

Promise: the row of the task `rationale` is what the teacher wrote, in its own tokens, once they are proved to say the rationale and the
answer that were accepted; the end of its turn belongs to them. The row of the task `label` holds the final answer, of which the teacher's
distribution is not known: it is learnt by cross-entropy alone.
"""

import json
from typing import Any

from transformers import PreTrainedTokenizerBase

from factory.export.multitask import both_tasks
from factory.student.rows import IGNORED, TrainingRow, encode, render
from factory.student.stored import stored_fault
from factory.tasks.answer import split_answer


def build_rationale_rows(
    sample: dict[str, Any],
    student: PreTrainedTokenizerBase,
    teacher: PreTrainedTokenizerBase | None,
    *,
    own_tokens: bool,
    vocabulary: int,
    weights: dict[str, float],
) -> list[TrainingRow]:
    """Return both rows of one accepted sample, `label` first; `weights` says what a token of each task counts.

    `sample` has what `factory.student.rows.build_row` reads of one, and its rationale and answer.
    """
    messages = json.loads(sample["messages"])
    end = str(student.eos_token)
    rows = []
    for task, asked, said in both_tasks(messages[:1], messages[1:], sample["answer"]):
        prompt = encode(student, render(student, asked, None, generate=True))
        if said != messages[1:]:
            ids = encode(student, said[0]["content"] + end)
            taught, fault = 0, "label"
        else:
            ids, taught, fault = _own_words(sample, messages, student, own_tokens)
            if not fault:
                columns = sample["topk_ids"], sample["topk_logprobs"]
                fault = stored_fault(sample["token_ids"], sample["token_logprobs"], *columns, vocabulary)
        topk_ids, topk_logprobs = ([], []) if fault else (list(map(list, sample[name][:taught])) for name in ("topk_ids", "topk_logprobs"))
        teacher_ids: list[int] = []
        if teacher is not None and taught:
            teacher_ids = encode(teacher, render(teacher, json.loads(sample["teacher_messages"]), None, generate=True)) + ids[:taught]
        rows.append(
            TrainingRow(
                sample["sample_id"],
                prompt + ids,
                [IGNORED] * len(prompt) + ids,
                len(prompt),
                taught,
                teacher_ids,
                topk_ids,
                topk_logprobs,
                fault,
                task,
                weights[task],
                sample["seed_id"],
            )
        )
    return rows


def _own_words(
    sample: dict[str, Any], messages: list[dict[str, Any]], student: PreTrainedTokenizerBase, own_tokens: bool
) -> tuple[list[int], int, str]:
    """Return the tokens of the assistant's turn, how many of them the teacher wrote, and why that is none."""
    end = encode(student, str(student.eos_token))
    asked = json.loads(sample["teacher_messages"])[-1]["content"]
    if asked != messages[0]["content"] or split_answer(sample["text"]) != (sample["rationale"], sample["answer"]):
        return encode(student, messages[1]["content"]) + end, 0, "edited"
    ids = list(sample["token_ids"] or ())
    body = ids[:-1] if ids and ids[-1] in student.all_special_ids else ids
    if not body or not own_tokens or student.decode(body, skip_special_tokens=True) != sample["text"]:
        return encode(student, sample["text"]) + end, 0, "no_logprobs" if sample["token_ids"] is None else "other_text"
    return body + end, len(ids) if ids[-1:] == end else len(body), ""
