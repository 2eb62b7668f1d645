"""A rationale as two rows: which tokens are the teacher's, what is learnt, what each counts, and what is
refused of what was stored."""

import json
from typing import Any

import pytest

pytest.importorskip("torch")

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from factory.chat_formats.hermes import Hermes
from factory.tasks.rows import IGNORED, TrainingRow
from tests.support.token_rows import token_rows

QUESTION, RATIONALE, ANSWER = "Ann has 3 pens and buys 4 more. How many has she?", "3 + 4 = 7.", "7"
TEXT = f"{RATIONALE}\nAnswer: {ANSWER}"
END = "<|im_end|>"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        [QUESTION, TEXT] * 3,
        trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False),
    )
    backend.add_special_tokens([AddedToken(token, special=True) for token in (END, "<|im_start|>")])
    made = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END, pad_token=END)
    Hermes().set_template(made, show_tools=False)
    return made


def _sample(tokenizer: Any, *, stored: bool = True, **changes: Any) -> dict[str, Any]:
    ids = tokenizer.encode(TEXT + END, add_special_tokens=False)
    messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": TEXT}]
    teacher = [{"role": "system", "content": "Reason."}, {"role": "user", "content": QUESTION}]
    return {
        "sample_id": "b2:1",
        "seed_id": "b2:seed",
        "messages": json.dumps(messages),
        "text": TEXT,
        "rationale": RATIONALE,
        "answer": ANSWER,
        "teacher_messages": json.dumps(teacher),
        "token_ids": ids if stored else None,
        "token_logprobs": [-0.5] * len(ids) if stored else None,
        "topk_ids": [[one, one + 1 if one < 300 else one - 1] for one in ids] if stored else None,
        "topk_logprobs": [[-0.5, -1.5]] * len(ids) if stored else None,
    } | changes


def _rows(
    tokenizer: Any, sample: dict[str, Any], *, own_tokens: bool = True
) -> tuple[TrainingRow, TrainingRow]:
    label, rationale = token_rows(
        sample,
        "rationale",
        tokenizer,
        Hermes(),
        own_tokens=own_tokens,
        rationale_weight=0.5,
        answer_mark=None,
    )
    return label, rationale


def _said(tokenizer: Any, row: TrainingRow) -> tuple[str, str]:
    learnt = [token for token, label in zip(row.input_ids, row.labels, strict=True) if label != IGNORED]
    return tokenizer.decode(row.input_ids[: len(row.input_ids) - len(learnt)]), tokenizer.decode(learnt)


def test_both_tasks_are_asked_with_their_prefix(tokenizer: Any) -> None:
    label, rationale = _rows(tokenizer, _sample(tokenizer))
    opening = "<|im_start|>user\n[{}] " + QUESTION + END + "\n<|im_start|>assistant\n"
    assert _said(tokenizer, label) == (opening.format("label"), ANSWER + END)
    assert _said(tokenizer, rationale) == (opening.format("rationale"), TEXT + END)
    assert [(row.task, row.weight) for row in (label, rationale)] == [("label", 1.0), ("rationale", 0.5)]


def test_the_teachers_words_are_the_rationales_turn_with_its_end(tokenizer: Any) -> None:
    label, rationale = _rows(tokenizer, _sample(tokenizer))
    ids = tokenizer.encode(TEXT + END, add_special_tokens=False)
    assert rationale.fault == ""
    assert rationale.input_ids[rationale.spans[0].start :] == ids
    assert rationale.spans[0].length == len(ids) == len(rationale.spans[0].topk_ids)
    assert rationale.spans[0].teacher_ids[-len(ids) :] == ids
    assert "Reason." in tokenizer.decode(rationale.spans[0].teacher_ids)
    assert label.spans == ()


def test_an_answer_that_was_cut_off_before_its_end_is_ended_by_the_student_alone(tokenizer: Any) -> None:
    sample = _sample(tokenizer)
    for name in ("token_ids", "token_logprobs", "topk_ids", "topk_logprobs"):
        sample[name] = sample[name][:-1]
    _, rationale = _rows(tokenizer, sample)
    assert rationale.spans[0].length == len(sample["token_ids"])
    assert (
        tokenizer.decode(rationale.input_ids[rationale.spans[0].start + rationale.spans[0].length :]) == END
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"rationale": "3 + 4 = 8."}, "edited"),
        ({"answer": "8"}, "edited"),
        ({"teacher_messages": json.dumps([{"role": "user", "content": "Another?"}])}, "edited"),
        ({"token_ids": [5, 6, 7]}, "other_text"),
        ({"token_ids": None}, "no_logprobs"),
        ({"text": f"{TEXT}\n\nHuman: And another?"}, "other_text"),
        ({"text": f" {TEXT}"}, "other_text"),
    ],
)
def test_words_that_are_not_the_teachers_have_no_distribution(
    tokenizer: Any, changes: dict, fault: str
) -> None:
    sample = _sample(tokenizer, **changes)
    _, rationale = _rows(tokenizer, sample)
    assert (
        rationale.fault,
        rationale.spans[0].length,
        rationale.spans[0].teacher_ids,
        rationale.spans[0].topk_ids,
    ) == (
        fault,
        0,
        [],
        [],
    )
    said = _said(tokenizer, rationale)[1]
    assert said == TEXT + END


def test_a_distribution_that_does_not_fit_is_told(tokenizer: Any) -> None:
    sample = _sample(tokenizer)
    sample["topk_logprobs"] = sample["topk_logprobs"][1:]
    _, rationale = _rows(tokenizer, sample)
    assert (rationale.fault, rationale.spans[0].topk_ids) == ("other_length", [])
    # Its words are still the teacher's: a teacher that is here can be asked.
    assert rationale.spans[0].length and rationale.spans[0].teacher_ids


def test_another_tokenizer_learns_the_text(tokenizer: Any) -> None:
    _, rationale = _rows(tokenizer, _sample(tokenizer), own_tokens=False)
    assert (rationale.fault, rationale.spans[0].length) == ("other_text", 0)
    assert _said(tokenizer, rationale)[1] == TEXT + END
