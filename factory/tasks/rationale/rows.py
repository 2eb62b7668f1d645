"""From an accepted rationale to token rows: to answer at once, and to reason first (Distilling Step-by-Step,
`factory.tasks.rationale.multitask`).

Promise: the row of the task `rationale` is what the teacher wrote, in its own tokens, once they are proved to
say the rationale and the answer that were accepted; the end of its turn belongs to them. The row of the task
`label` holds the final answer, of which the teacher's distribution is not known: it is learnt by
cross-entropy alone.
"""

import json
from typing import Any

from factory.chat_formats.format import ChatFormat
from factory.tasks.rationale.marks import ends_with_answer, split_answer
from factory.tasks.rationale.multitask import both_tasks
from factory.tasks.rows import TrainingRow, Words, encode, encode_after, own_words, words_row
from factory.tasks.tokenizer import ChatTokenizer


def build_rationale_rows(
    sample: dict[str, Any],
    student: ChatTokenizer,
    teacher: ChatTokenizer | None,
    chat_format: ChatFormat,
    *,
    own_tokens: bool,
    vocabulary: int,
    weights: dict[str, float],
    answer_mark: str | None = None,
) -> list[TrainingRow]:
    """Return both rows of one accepted sample, `label` first; `weights` says what a token of each task
    counts, `answer_mark` is the recipe's.

    `sample` has what `factory.tasks.rows.build_words_row` reads of one, and its rationale and answer.
    """
    messages = json.loads(sample["messages"])
    end = chat_format.turn_end
    rows = []
    for task, asked, answer in both_tasks(messages[:1], messages[1:], sample["answer"]):
        prompt = chat_format.render(asked, tokenizer=student, generate=True)
        if answer != messages[1:]:
            words = Words(encode_after(student, prompt, answer[0]["content"] + end), 0, "label", [], [])
        else:
            same = split_answer(sample["text"], answer_mark) == (sample["rationale"], sample["answer"])
            words = own_words(
                sample,
                messages,
                student,
                (prompt, end),
                same=same,
                own_tokens=own_tokens,
                vocabulary=vocabulary,
            )
            if same and not ends_with_answer(sample["text"], answer_mark):
                # What follows the answer was seen by no check.
                words = Words(
                    encode_after(student, prompt, messages[1]["content"] + end), 0, "other_text", [], []
                )
        rows.append(words_row(sample, encode(student, prompt), words, teacher, task, weights[task]))
    return rows
