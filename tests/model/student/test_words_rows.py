"""The row of a question that was answered in words, without a call: what is learnt, whose tokens they are,
and what an edit leaves."""

import json
from typing import Any

import pytest

pytest.importorskip("torch")

from factory.chat_formats.hermes import Hermes
from factory.tasks.rows import IGNORED, TrainingRow
from tests.model.student.test_rationale_rows import END, tokenizer  # noqa: F401
from tests.support.token_rows import token_rows

QUESTION, ANSWER = "Who has more pens?", "Ann has, and buys 4 more."


def _row(student: Any, *, said: str = ANSWER, asked: str = QUESTION) -> TrainingRow:
    ids = student.encode(ANSWER + END, add_special_tokens=False)
    sample = {
        "sample_id": "b2:1",
        "seed_id": "b2:seed",
        "messages": json.dumps([{"role": "user", "content": asked}, {"role": "assistant", "content": said}]),
        "tools": "[]",
        "text": ANSWER,
        "teacher_messages": json.dumps([{"role": "user", "content": QUESTION}]),
        "token_ids": ids,
        "token_logprobs": [-0.5] * len(ids),
        "topk_ids": [[one, one + 1 if one < 300 else one - 1] for one in ids],
        "topk_logprobs": [[-0.5, -1.5]] * len(ids),
    }
    (row,) = token_rows(sample, "tool_call", student, Hermes())
    return row


def test_the_whole_turn_is_learnt_and_is_the_teachers(tokenizer: Any) -> None:  # noqa: F811
    row = _row(tokenizer)
    learnt = [label for label in row.labels if label != IGNORED]
    assert tokenizer.decode(learnt) == ANSWER + END
    assert tokenizer.decode(row.input_ids[: row.spans[0].start]).endswith(
        f"{QUESTION}{END}\n<|im_start|>assistant\n"
    )
    assert (row.spans[0].length, row.fault) == (len(learnt), "")
    assert [ids[0] for ids in row.spans[0].topk_ids] == row.spans[0].teacher_ids[-len(learnt) :] == learnt
    assert set(row.weights(4.0)) == {1.0}, "it is no call"


@pytest.mark.parametrize(
    "edit", [{"said": "Ann."}, {"asked": "Who has fewer pens?"}], ids=lambda edit: next(iter(edit))
)
def test_what_was_edited_is_learnt_as_it_is_now_without_the_teacher(
    tokenizer: Any,  # noqa: F811
    edit: dict[str, str],
) -> None:
    row = _row(tokenizer, **edit)
    assert (
        tokenizer.decode([label for label in row.labels if label != IGNORED])
        == edit.get("said", ANSWER) + END
    )
    assert (row.spans[0].length, row.fault, row.spans[0].teacher_ids, row.spans[0].topk_ids) == (
        0,
        "edited",
        [],
        [],
    )
