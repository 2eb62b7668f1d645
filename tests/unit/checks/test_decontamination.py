"""A held-out task is found again however its question is spelt, and other tasks are let through."""

import dataclasses
import json
import re
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from factory.checks.check import Verdict
from factory.checks.decontamination import DecontaminationCheck
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.system.digest import canonical_json
from factory.tasks.sample import Sample, Task
from factory.tools.spec import ToolSpec
from tests.support.calculator import DATA, SEEDS, kind, one_seed
from tests.support.judged import judged
from tests.support.seeds import require_seeds

KIND = kind()
HELD_OUT = require_seeds(DATA / "held_out" / "calculator.jsonl", "tool_call")
SHIPPED = DecontaminationCheck(HELD_OUT)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
PUNCTUATION = "?!,;:…，。？！、'\"()[]-–—_ \t\n\u3000"


def verdict(question: str, reference: str, held_out: list[Seed] = HELD_OUT) -> Verdict:
    task = Task("b2:0", "en", "general", question, reference)
    check = SHIPPED if held_out is HELD_OUT else DecontaminationCheck(held_out)
    return check.judge(KIND.read(task, Answer("b2:1", "", "stop", 1, 1, 0.1)))


def test_the_shipped_seeds_are_clean_and_the_held_out_tasks_are_not() -> None:
    assert [seed.name for seed in SEEDS if not verdict(seed.question, seed.reference).passed] == []
    for task in HELD_OUT:
        assert verdict(task.question, task.reference) == Verdict(False, "held_out_leak", task.name)


@given(st.sampled_from(HELD_OUT), st.data())
def test_case_spaces_and_punctuation_hide_nothing(task: Seed, data: st.DataObject) -> None:
    # A separator between two digits, or beside a point, would change a number.
    places = [
        place
        for place in range(len(task.question) + 1)
        if not re.search(r"[\d.,]", task.question[max(0, place - 1) : place + 1])
    ]
    changed = task.question
    for place in sorted(data.draw(st.lists(st.sampled_from(places or [0]), max_size=4)), reverse=True):
        changed = changed[:place] + data.draw(st.text(PUNCTUATION, max_size=3)) + changed[place:]
    change = data.draw(
        st.sampled_from(
            [str.upper, str.lower, str.swapcase, lambda text: unicodedata.normalize("NFKC", text)]
        )
    )
    assert verdict(change(changed), "0").detail == task.name


@pytest.mark.parametrize(
    "question",
    [
        "add 126 and 59",
        "ADD 126 AND 59!",
        "Add 126 and 59...",
        "  Add   126, and 59 .",
        "Add １２６ and ５９.",
        "「Add 126 and 59」",
        "Add\u00a0126\u2009and 59",
    ],
)
def test_the_same_question_with_the_reference_written_differently(question: str) -> None:
    assert verdict(question, "59 + 126", [one_seed("Add 126 and 59.", "126 + 59")]).reason == "held_out_leak"


@pytest.mark.parametrize("question", ["Add 1,200 and 5.", "Add 1200 and 5", "Add 1，200 and 5"])
def test_thousands_may_be_separated(question: str) -> None:
    assert not verdict(question, "0", [one_seed("Add 1200 and 5.", "1200 + 5")]).passed
    assert not verdict("Add 1200 and 5", "0", [one_seed(question, "1200 + 5")]).passed


def test_the_same_numbers_with_the_same_reference_in_other_words() -> None:
    held_out = [one_seed("Please add 317 to 95.", "317 + 95")]
    assert verdict("What is 317 plus 95?", "317+95", held_out) == Verdict(False, "held_out_leak", "one")
    assert verdict("What is 317 minus 95?", "317 - 95", held_out).passed
    assert verdict("What is 95 plus 317?", "95 + 317", held_out).passed


@pytest.mark.parametrize(
    "question",
    [
        "What is 4 + 738?",
        "What is 473 + 8?",
        "What is 4738?",
        "What is 47 + 39?",
        "What is 47.38?",
        "What is 4.7 + 38?",
    ],
)
def test_the_same_digits_in_other_numbers_are_another_question(question: str) -> None:
    assert verdict(question, "0", [one_seed("What is 47 + 38?", "47 + 38")]).passed


@given(st.sampled_from(HELD_OUT), st.data())
def test_other_numbers_are_let_through(task: Seed, data: st.DataObject) -> None:
    mapping = {
        number: str(data.draw(st.integers(10_000, 99_999))) for number in NUMBER.findall(task.question)
    }
    assume(mapping)
    question, reference = (
        NUMBER.sub(lambda found: mapping.get(found.group(), found.group()), text)
        for text in (task.question, task.reference)
    )
    assert verdict(question, reference).passed


def test_without_held_out_tasks_everything_passes() -> None:
    assert verdict("What is 1 + 1?", "1 + 1", []).passed


LONG = one_seed(
    (
        "Explain in three short paragraphs how a lighthouse keeper would have spent a stormy night at sea "
        "in winter."
    ),
    "",
)
MIDDLE = one_seed("Explain why the old lighthouse keeper never slept in winter.", "")
SHORT = one_seed("Describe a lighthouse at dawn.", "")
CHINESE = one_seed("请用三个自然段描写一位灯塔看守人在暴风雨之夜的经历。", "", language="zh")


@pytest.mark.parametrize(
    ("held_out", "question", "share"),
    [
        (
            LONG,
            (
                "Please explain in three short paragraphs how a lighthouse keeper would have spent a "
                "stormy night."
            ),
            3 / 7,
        ),
        (LONG, "Task 12: " + LONG.question.upper() + " Be brief.", 1.0),
        (
            MIDDLE,
            "Question: Explain why the old lighthouse keeper never slept in winter, and list 2 reasons.",
            1.0,
        ),
        (SHORT, "Please describe a lighthouse, at dawn, in the style of a sailor.", 1.0),
        (CHINESE, "请用三个自然段描写一位灯塔看守人在夏天的经历。", 5 / 13),
    ],
)
def test_a_long_run_of_a_held_out_question_is_a_leak(held_out: Seed, question: str, share: float) -> None:
    found = verdict(question, "", [held_out])
    assert (found.passed, found.reason) == (False, "held_out_leak")
    assert found.detail.startswith("one: ")
    assert f"{share:.0%}" in found.detail
    assert found.score == pytest.approx(share)


@pytest.mark.parametrize(
    ("held_out", "question"),
    [
        (LONG, "Explain in three short paragraphs how a lighthouse keeper would cook his dinner."),
        (MIDDLE, "Explain why the old lighthouse keeper never slept in summer."),
        (SHORT, "Describe a harbour at dawn."),
        (SHORT, "Describe a lighthouse."),
        (CHINESE, "请用三个自然段描写一位老师。"),
        (one_seed("Add them.", ""), "Add them, then add 5 more and say how many there are."),
    ],
)
def test_questions_that_only_resemble_a_held_out_one(held_out: Seed, question: str) -> None:
    assert verdict(question, "", [held_out]).passed


@pytest.mark.parametrize(
    ("held_out", "question", "reference"),
    [
        (one_seed("Is the sea salty?", "yes"), "Is snow white?", "yes"),
        (one_seed("Name a colour.", ""), "Name a planet.", ""),
        (one_seed("How many legs has a bee?", "6"), "How many sides has a hexagon?", "6"),
        (
            one_seed("Ann walks 5 km and then 7 km. How far?", "12"),
            "Bo buys 5 pears and 7 plums. How many fruits?",
            "12",
        ),
        (one_seed("Hello there!", "[]"), "Who are you?", "[]"),
    ],
)
def test_the_same_answer_to_another_question_is_no_leak(
    held_out: Seed, question: str, reference: str
) -> None:
    assert verdict(question, reference, [held_out]).passed


def test_the_same_call_in_other_words_is_a_leak() -> None:
    steps = '[[{"name": "weather", "arguments": {"city": "Oslo"}}]]'
    assert not verdict(
        "Is it raining in Oslo?", steps, [one_seed("How is the weather in Oslo?", steps)]
    ).passed


def test_a_leak_in_an_answer_or_a_rationale() -> None:
    leak = f"Sure! Here is a similar task: {LONG.question}"
    for sample in (judged(leak), judged("Fine.", rationale=leak)):
        assert DecontaminationCheck([LONG]).judge(sample).reason == "held_out_leak"
    # What is short may well occur in an answer.
    assert DecontaminationCheck([SHORT]).judge(judged(f"A good exercise: {SHORT.question}")).passed


def test_the_same_words_with_other_numbers_are_another_question() -> None:
    question = (
        "A farmer packs {} apples into each of {} boxes and then sells all of the boxes at the market. "
        "How many apples did he sell?"
    )
    held_out = [one_seed(question.format(12, 30), "12 * 30")]
    assert verdict(question.format(14, 50), "14 * 50", held_out).passed
    assert not verdict(question.format(12, 30) + " Round to 1 digit.", "0", held_out).passed


@given(
    st.lists(st.text(st.characters(exclude_categories=[]), max_size=80), max_size=4),
    st.text(st.characters(exclude_categories=[])),
)
def test_no_text_breaks_the_check_and_a_held_out_question_is_always_found(
    questions: list[str], other: str
) -> None:
    check = DecontaminationCheck(
        [one_seed(question, f"reference {place}") for place, question in enumerate(questions)]
    )
    check.judge(judged(other, question=other, rationale=other))
    for question in questions:
        assert not check.judge(judged("", question=question)).passed


PREAMBLE = (
    "Read the following short passage with care, then answer the question below in one plain sentence "
    "without lists."
)
LAST = "Think about it for a while, and write nothing but the final answer on the last line."
CONTENTS = [
    "Why do herons stand on one leg in cold water?",
    "How did the miller's daughter find her way through the fog?",
    "Which of the two harbours silted up first, and why?",
    "Name the reason why the old bell was never rung again.",
    "What made the lighthouse keeper leave the island before winter came?",
]


@pytest.mark.parametrize("shape", [PREAMBLE + " {}", "{} " + LAST, PREAMBLE + " {} " + LAST])
def test_what_many_held_out_tasks_share_is_no_leak(shape: str) -> None:
    held_out = [
        dataclasses.replace(one_seed(shape.format(content), ""), name=f"held-{place}")
        for place, content in enumerate(CONTENTS)
    ]
    for other in ("Why do larks sing?", "Which of the two mills burnt down?", "What did Ida pack?", "Why?"):
        assert verdict(shape.format(other), "", held_out).passed
    for place, content in enumerate(CONTENTS):
        for question in (shape.format(content), f"Please: {content}", shape.format(content) + " Be quick."):
            found = verdict(question, "", held_out)
            assert not found.passed and found.detail.startswith(f"held-{place}")


def test_what_two_share_or_one_wording_with_other_numbers_is_a_leak_still() -> None:
    held_out = [one_seed(f"{PREAMBLE} {content}", "") for content in CONTENTS[:2]]
    assert not verdict(f"{PREAMBLE} Why?", "", held_out).passed
    numbers = [one_seed(f"{PREAMBLE} Add {n} and {n + 1}.", "") for n in (10, 20, 30, 40)]
    assert not verdict(f"{PREAMBLE} Do add 30 and 31.", "", numbers).passed


def test_a_chinese_preamble_is_no_leak() -> None:
    preamble = "请仔细阅读下面的短文，然后用一句话回答问题，不要列出要点。"
    contents = ["苍鹭为什么单腿站立？", "磨坊主的女儿怎样走出大雾？", "哪个港口先淤塞了？"]
    held_out = [one_seed(preamble + content, "", language="zh") for content in contents]
    assert verdict(preamble + "云雀为什么歌唱？", "", held_out).passed
    assert not verdict(contents[1], "", held_out).passed


@pytest.mark.parametrize("field", ["reference", "rationale", "input"])
@pytest.mark.parametrize("held_out", [LONG, MIDDLE, SHORT, CHINESE])
def test_a_held_out_task_in_the_answer_of_a_seed_is_a_leak(field: str, held_out: Seed) -> None:
    leaking = dataclasses.replace(
        one_seed("Write a task.", "Fine."), **{field: f"Here is one: {held_out.question} Good luck."}
    )
    clean = one_seed("Write another task.", "Here is one: describe a harbour.")
    check = DecontaminationCheck([held_out], [leaking, clean])
    for seed, passed in ((leaking, False), (clean, True)):
        sample = judged("An answer.", question=seed.question)
        sample = dataclasses.replace(sample, task=dataclasses.replace(sample.task, seed_id=seed.seed_id))
        found = check.judge(sample)
        assert found.passed == passed
        assert passed or found.detail == "one: in the answer of its seed"


@pytest.mark.parametrize("held_out", [LONG, CHINESE])
def test_a_held_out_task_in_the_material_of_a_sample_is_a_leak(held_out: Seed) -> None:
    sample = judged("A better version.", question="Improve this exercise.")
    check = DecontaminationCheck([held_out])
    for material, passed in ((f"Exercise 1: {held_out.question}", False), ("Exercise 1: sing.", True)):
        given = dataclasses.replace(sample, task=dataclasses.replace(sample.task, input=material))
        assert check.judge(given).passed is passed


def _tool(name: str, **properties: object) -> ToolSpec:
    parameters = {"type": "object", "properties": properties}
    return ToolSpec.model_validate(
        {"type": "function", "function": {"name": name, "description": "-", "parameters": parameters}}
    )


LABELS = {"type": "string", "enum": ["refund", "delivery", "praise"]}
SORT = [
    _tool("sort", label=LABELS, urgent={"type": "boolean"}),
    _tool("file_it", label=LABELS, number={"type": "integer"}),
    _tool("switch_off"),
    _tool("travel", start=LABELS, end=LABELS),
]


@pytest.mark.parametrize(
    ("arguments", "tool", "is_leak"),
    [
        ({"label": "refund"}, "sort", False),
        ({"label": "refund", "urgent": True}, "sort", False),
        ({}, "switch_off", False),
        ({"label": "refund", "number": 7}, "file_it", True),
        ({"city": "Oslo"}, "weather", True),
        ({"start": "refund", "end": "praise"}, "travel", True),
    ],
)
def test_the_same_choice_for_another_question_is_no_leak(
    arguments: dict[str, object], tool: str, is_leak: bool
) -> None:
    steps = canonical_json([[{"name": tool, "arguments": arguments}]])
    held_out = [one_seed("My parcel came broken, and I want my money back.", steps)]
    check = DecontaminationCheck(held_out, (), SORT)
    task = Task("b2:0", "en", "general", "The soup was cold. Please pay me back.", steps)
    assert check.judge(KIND.read(task, Answer("b2:1", "", "stop", 1, 1, 0.1))).passed is not is_leak
    same = dataclasses.replace(task, question=held_out[0].question)
    assert not check.judge(KIND.read(same, Answer("b2:1", "", "stop", 1, 1, 0.1))).passed
    assert ("closed" in check.settings) is not is_leak, "other verdicts stay valid"


def test_verdicts_are_judged_anew_only_where_they_can_differ() -> None:
    before = DecontaminationCheck(HELD_OUT).settings
    assert DecontaminationCheck(HELD_OUT, SEEDS).settings == before
    assert set(before) == {"held_out", "ngrams", "telling", "characters"}
    leaking = dataclasses.replace(one_seed("Write a task.", ""), rationale=LONG.question)
    assert DecontaminationCheck([LONG], [leaking]).settings != DecontaminationCheck([LONG]).settings
    shared = DecontaminationCheck([one_seed(f"{PREAMBLE} {content}", "") for content in CONTENTS])
    assert "shared" in shared.settings


SWITCH = (
    '[{"type":"function","function":{"name":"set_mode","description":"Sets","parameters":{"type":"object",'
    '"properties":{"mode":{"type":"string","enum":["eco","boost"]},"note":{"type":"string"}}}}}]'
)
LIST = "Which is {}? (1) {} (2) {} (3) {}"


@pytest.mark.parametrize(
    ("reference", "held_out", "question"),
    [
        # A label, a yes or no, an option, one of numbered options, fields that many texts have.
        ("follow-up", "My order 5 has not come.", "Invoice 5 is twice in my mails."),
        ("yes", "Do 3 and 4 make 7?", "Ann has 3 cats, 4 dogs and 7 cages. Are they enough?"),
        ("B", LIST.format("red", "sky", "rose", "grass"), LIST.format("wet", "sand", "rain", "stone")),
        ("2", LIST.format("red", "sky", "rose", "grass"), LIST.format("wet", "sand", "rain", "stone")),
        (
            '{"category":"e-mail","urgent":true}',
            "Server 4 refuses mails since 8.",
            "My 4 drafts of 8 May are gone.",
        ),
        ("north-east", "Turn right 2 times from north-west.", "The wind turns by 2 marks: whence?"),
    ],
)
def test_an_answer_that_many_questions_have_is_no_leak(reference: str, held_out: str, question: str) -> None:
    known = [one_seed(held_out, reference)]
    assert verdict(question, reference, known).passed
    # The same question is one, whatever its answer.
    assert verdict(held_out.upper(), reference, known).reason == "held_out_leak"


@pytest.mark.parametrize(
    ("call", "leaks"),
    [('{"mode":"eco"}', False), ('{"mode":"eco","note":"until Mai comes home"}', True)],
)
@pytest.mark.parametrize("form", ["calls", "allowed"])
def test_a_lone_choice_of_a_tool_that_a_task_brings_is_no_leak(call: str, leaks: bool, form: str) -> None:
    arguments = json.loads(call)
    reference = canonical_json(
        [[{"name": "set_mode", "arguments": arguments}]]
        if form == "calls"
        else [{"name": "set_mode", "allowed": {name: [value] for name, value in arguments.items()}}]
    )
    known = dataclasses.replace(one_seed("Be thrifty, please.", reference), tools=SWITCH)
    task = Task("b2:0", "en", "general", "The heating may save power now.", reference, tools=SWITCH)
    assert DecontaminationCheck([known]).judge(Sample("b2:1", task, "", "stop")).passed is not leaks


def test_a_number_as_the_answer_to_the_same_numbers_still_leaks() -> None:
    known = [one_seed("Ann has 12 pens, buys 5, loses 3. How many?", "14")]
    assert verdict("12 birds, 5 more come, 3 leave: how many stay?", "14", known).reason == "held_out_leak"


def test_verdicts_stay_valid_where_it_does_not_decide() -> None:
    plain = DecontaminationCheck([one_seed("Is it so?", "yes"), one_seed("Add 3 to 4.", "3 + 4")])
    assert "silent" not in plain.settings and "silent" not in SHIPPED.settings
    assert "silent" in DecontaminationCheck([one_seed("Do 3 and 4 make 7?", "yes")]).settings


def chat(*turns: str) -> Seed:
    """Return a conversation of these turns of the user, each of which the assistant answers."""
    messages = [
        message
        for place, turn in enumerate(turns)
        for message in (
            {"role": "user", "content": turn},
            {"role": "assistant", "content": f"Answer {place}."},
        )
    ]
    whole = canonical_json({"messages": messages, "tools": []})
    return dataclasses.replace(one_seed(turns[-1], "Answer."), conversation=whole)


@pytest.mark.parametrize("last", ["And on Sundays?", "Can you tell me when you open again?", "Yes, please!"])
def test_conversations_that_end_on_the_same_words_are_no_leak(last: str) -> None:
    check = DecontaminationCheck([chat("Where do I find the atlas of rivers?", last)])

    def passes(seed: Seed) -> bool:
        task = Task(seed.seed_id, "en", "general", seed.question, seed.reference)
        messages = json.loads(seed.conversation)["messages"]
        return check.judge(Sample("b2:1", task, "", "stop", messages=messages)).passed

    assert passes(chat("Is the reading room open in winter?", last))
    assert not passes(chat("Where do I find the atlas of rivers?", last))
    assert not passes(chat("where do I find  the atlas of rivers", last.upper()))
    # Where nothing of the kind is held out, verdicts stay valid.
    assert "conversations" in check.settings
    assert "conversations" not in DecontaminationCheck([chat("Where is it?")]).settings
