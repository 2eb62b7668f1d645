"""The final answer is found at the marks that people and models write, and marks that disagree are a
fault."""

import pytest

from factory.tasks.rationale.marks import conflict, ends_with_answer, split_answer
from factory.tasks.rationale.taskset import RationaleTaskset
from factory.tasks.sample import Sample, Task
from tests.support.episode import talk

TASK = Task("b2:0", "en", "arithmetic", "How much is 6 * 7?", "42")


def read(text: str, answer_mark: str | None = None) -> Sample:
    return talk(
        RationaleTaskset([], examples=0, seed=7, answer_mark=answer_mark).episode(TASK, 0), [text]
    ).sample


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (r"6 * 7 = 42, so \boxed{42}", ("6 * 7 = 42, so 42", "42")),
        ("6 * 7 = 42\n#### 42", ("6 * 7 = 42", "42")),
        ("6 * 7 = 42. Thus the answer is 42.", ("6 * 7 = 42.", "42")),
        ("6 * 7\nAntwort: 42", ("6 * 7", "42")),
        ("6 * 7\nRespuesta: 42", ("6 * 7", "42")),
        ("6 * 7\nRéponse : 42", ("6 * 7", "42")),
        ("6 * 7\n答え: 42", ("6 * 7", "42")),
        ("6 * 7\n答案：42", ("6 * 7", "42")),
        ("6 * 7\n**Answer**: 42", ("6 * 7", "42")),
        # More of each kind.
        (r"Add.\n\[\boxed{\frac{1}{2}}\]".replace(r"\n", "\n"), ("Add.", r"\frac{1}{2}")),
        (r"Add. The answer is $\boxed{42}$.", ("Add.", "42")),
        (r"We get $6*7=\boxed{42}$.", ("We get $6*7=42$.", "42")),
        ("Add.\n**Answer: 42**", ("Add.", "42")),
        ("Add.\n## Answer\n42", ("Add.", "42")),
        ("Add.\nОтвет: 42", ("Add.", "42")),
        ("Add.\n정답: 42", ("Add.", "42")),
        ("Suma. La respuesta es 42.", ("Suma.", "42")),
        ("计算。所以答案是42。", ("计算。", "42")),
        ("Sum.\nSo, the final answer is 4.5 km. That is all.", ("Sum.", "4.5 km")),
        ("#### Step 1\nadd\n#### Step 2\nsubtract", None),
        ("The answer is not clear. We add.\nAnswer: 42", ("The answer is not clear. We add.", "42")),
        ("<think>6 * 7</think>Answer: 42", ("6 * 7", "42")),
        ("<think>\n6 * 7\n</think>\n\nIt is six sevens.\nAnswer: 42", ("6 * 7\nIt is six sevens.", "42")),
        ("6 * 7</think>\nAnswer: 42", ("6 * 7", "42")),
        (r"<think>41? Answer: 41</think> \boxed{42}", ("41? Answer: 41", "42")),
        (r"\boxed{42}", None),
        ("#### 42", None),
        # As models are taught by reward, by few examples of MATH, or by a chat window's bold headings.
        ("Add.\n<answer>\n42\n</answer>", ("Add.", "42")),
        ("<think>6 * 7</think>\n<answer>42</answer>", ("6 * 7", "42")),
        (r"<think>6 * 7</think><answer>It is $\boxed{42}$.</answer>", ("6 * 7\nIt is $42$.", "42")),
        ("<answer>42</answer>", None),
        ("Write <answer> around it. The answer is 42.", ("Write <answer> around it.", "42")),
        ("Add.\nFinal Answer: The final answer is $42$. I hope it is correct.", ("Add.", "$42$")),
        ("Add.\n**Final Answer**\n\n42", ("Add.", "42")),
        ("Add.\n**Final Answer**\n\n$\\boxed{42}$", ("Add.", "42")),
        ("Add.\n\\[\n\\boxed{42}\n\\]\n", ("Add.", "42")),
        ("Add.\n$$\n\\boxed{42}\n$$", ("Add.", "42")),
        (r"Add. So $\boxed 2$.", ("Add.", "2")),
        ("Add. Therefore, the correct option is (B).", ("Add.", "(B)")),
        ("Add. La réponse finale est : 42", ("Add.", "42")),
        ("Add. La réponse est donc 42.", ("Add.", "42")),
        # What belongs to the mark is no end of the rationale.
        ("Add. The answer is:\n\n42", ("Add.", "42")),
        ("Add.\nDie Antwort lautet: 42", ("Add.", "42")),
        ("加。\n最终答案：42", ("加。", "42")),
        ("Add.\n최종 답: 42", ("Add.", "42")),
        ("Add.\n- Answer: 42", ("Add.", "42")),
        ("Add.\n> **Answer:** 42", ("Add.", "42")),
        ("Add.\n2. Answer: 42", ("Add.", "42")),
        ("Add.\n__Answer:__ 42", ("Add.", "42")),
        ("Add.\n<b>Answer:</b> 42", ("Add.", "42")),
        ("Run it:\n```\n6 * 7\n```\nAnswer: 42", ("Run it:\n```\n6 * 7\n```", "42")),
        ("The answer: 42", None),
    ],
)
def test_the_answer_is_found_at_its_mark(text: str, parts: tuple[str, str] | None) -> None:
    assert split_answer(text) == parts
    if parts:
        sample = read(text)
        assert (sample.fault, sample.rationale, sample.answer) == (None, *parts)


def test_a_person_names_a_mark_of_the_own_server() -> None:
    text = "6 * 7 = 42\nRESULT => 42"
    assert read(text).fault == "no_final_answer"
    assert read(text, "RESULT =>").answer == "42"
    assert read("6 * 7 = 42\nAnswer: 42", "RESULT =>").answer == "42"
    assert ends_with_answer(text, "RESULT =>") and not ends_with_answer(text)


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        (r"So \boxed{41}. Wait.\nAnswer: 42".replace(r"\n", "\n"), ("41", "42")),
        ("Answer: 41\nNo.\nAnswer: 42", ("41", "42")),
        ("It is 5 km.\nAnswer: 5 km\n#### 5 m", ("5 km", "5 m")),
        (r"Sum \boxed{x+1} or \boxed{x-1}", ("x+1", "x-1")),
        (r"Half: \boxed{\frac{1}{2}}.\nAnswer: 0.5".replace(r"\n", "\n"), None),
        ("8 in all\n#### 8\nThe answer is: 8", None),
        ("Answer: First we add 3 and 4.\nThen:\nFinal answer: 7", None),
        ("Answer: 41.\n<answer>42</answer>", ("41.", "42")),
        ("It is 42.\nAnswer: 42\n<answer>42</answer>", None),
    ],
)
def test_two_marks_that_disagree_are_a_fault(text: str, marks: tuple[str, str] | None) -> None:
    assert conflict(text) == marks
    sample = read(text)
    assert sample.fault == ("conflicting_answers" if marks else None)
    assert sample.detail == (" and ".join(marks) if marks else "")


@pytest.mark.parametrize(
    ("text", "fault", "detail"),
    [
        ("<think>6 * 7 is", "no_final_answer", "nothing follows the thinking"),
        ("<think>6 * 7</think>", "no_final_answer", "nothing follows the thinking"),
        ("<think>6 * 7</think>It is 42", "no_final_answer", ""),
        ("<think>6</think>Answer: 42 <think>", "control_token", "<think>"),
        ("<think>6<|im_end|></think>Answer: 42", "control_token", "<|im_end|>"),
        ("So.\nAnswer: </think>", "no_final_answer", "nothing follows the thinking"),
    ],
)
def test_thinking_without_an_answer_or_with_control_tokens_is_a_fault(
    text: str, fault: str, detail: str
) -> None:
    sample = read(text)
    assert (sample.fault, sample.detail, sample.messages) == (fault, detail, None)


def test_thinking_is_in_the_row_and_its_tags_are_not() -> None:
    sample = read("<think>6 * 7 is 42.</think>\nAnswer: 42")
    assert sample.messages is not None
    assert sample.messages[1]["content"] == "6 * 7 is 42.\nAnswer: 42"
    assert not ends_with_answer(sample.text), "its tokens are not what is learnt"
    assert ends_with_answer("6 * 7 is 42.\nAnswer: 42")
    assert not ends_with_answer("6 * 7 is 42.\n<answer>42</answer>"), "a student learns another ending"
