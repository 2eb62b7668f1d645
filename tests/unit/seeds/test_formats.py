"""Every format is recognised from its content, becomes the same seed, and serves the kinds of the table, no
other."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from factory.seeds.load import SeedFile
from factory.seeds.seed import Seed
from factory.tasks.kinds import KINDS, seed_formats
from tests.support.format_rows import CALL, ROWS, TURNS
from tests.support.seeds import load_seeds


def load(folder: Path, kind: str, *rows: Any) -> SeedFile:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return load_seeds(path, kind)


def reasons(file: SeedFile) -> list[str]:
    return [f"{fault.line}: {fault.reason}" for fault in file.faults]


@pytest.mark.parametrize(
    ("format", "kind", "row", "told"), ROWS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_row_of_each_format(tmp_path: Path, format: str, kind: str, row: Any, told: dict[str, str]) -> None:
    file = load(tmp_path, kind, row)
    assert (reasons(file), file.format_name, len(file.seeds)) == ([], format, 1)
    assert {field: getattr(file.seeds[0], field) for field in told} == told


def test_every_format_is_tried_above() -> None:
    assert {row[0] for row in ROWS} == {one.format_name for kind in KINDS for one in seed_formats(kind).known}


@pytest.mark.parametrize(
    ("format", "row"),
    [
        (format, row)
        for format, _, row, _ in ROWS
        if not (isinstance(row, dict) and set(row) <= {"id", "question"})
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_format_serves_its_kinds_only(tmp_path: Path, format: str, row: Any, kind: str) -> None:
    serving = seed_formats(kind).names.split(", ")
    if kind in ("tool_call", "rationale") and isinstance(row, dict) and set(row) == {"question", "reference"}:
        assert (
            load(tmp_path, kind, row).format_name == kind
        )  # these two are of both formats: the kind decides
    elif format == "tool_messages" and "messages" in serving:
        # They are messages first: those under which an answer was given are refused, row by row.
        assert load(tmp_path, kind, row).format_name == "messages"
    elif format == "messages" and kind == "function_call":
        assert "tools: there are none" in str(load(tmp_path, kind, row).faults[0])
    elif (format, kind) == ("instruction", "labelled"):
        assert load(tmp_path, kind, row).format_name == "alpaca"  # the same fields, and an id
    elif format in serving:
        assert load(tmp_path, kind, row).format_name == format
    else:
        with pytest.raises(InputError, match=f"cannot serve the kind {kind}") as caught:
            load(tmp_path, kind, row)
        assert f"Formats that can: {seed_formats(kind).names}." in caught.value.hint


CALCULATION = {"question": "2 + 2?", "reference": "2 + 2"}
REASONED = {"question": "Half of 8?", "rationale": "8 / 2 is 4.", "reference": "4"}
GSM8K = {"question": "How many?", "answer": "Two. #### 2"}
ALPACA = {"instruction": "Sort.", "input": "b a", "output": "a b"}
SELF_INSTRUCT = {"instruction": "Sort.", "instances": [{"input": "c b", "output": "b c"}]}
MESSAGES = {"messages": TURNS}


@pytest.mark.parametrize(
    ("kind", "good", "stray", "said"),
    [
        ("tool_call", CALCULATION, ALPACA, "in the format alpaca"),
        ("tool_call", CALCULATION, MESSAGES, "in the format messages"),
        ("rationale", REASONED, GSM8K, "in the format gsm8k"),
        ("rationale", GSM8K, REASONED, "in the format rationale"),
        ("instruction", ALPACA, SELF_INSTRUCT, "in the format self_instruct"),
        ("instruction", SELF_INSTRUCT, ALPACA, "in the format alpaca"),
        ("instruction", MESSAGES, ALPACA, "in the format alpaca"),
    ],
)
def test_one_file_has_one_form(tmp_path: Path, kind: str, good: Any, stray: Any, said: str) -> None:
    file = load(tmp_path, kind, good, stray, good)
    assert [seed.line for seed in file.seeds] == [1]
    mixed, repeated = reasons(file)
    assert mixed.startswith("2: is ") and said in mixed
    assert repeated == "3: the same task is already in line 1"  # the stray row did not change the format


def test_a_stray_row_at_the_top_does_not_decide(tmp_path: Path) -> None:
    file = load(tmp_path, "tool_call", GSM8K, {"problem": "?"}, CALCULATION)
    assert (file.format_name, len(file.seeds)) == ("tool_call", 1)
    first, second = reasons(file)
    assert "gsm8k cannot serve the kind tool_call" in first
    assert "matches no known format; its fields are: problem." in second


def test_our_own_instructions_need_no_id(tmp_path: Path) -> None:
    rows = [{"instruction": "One.", "output": ""}, {"id": "b", "family": "write", "instruction": "Two."}]
    for order in (rows, rows[::-1]):
        file = load(tmp_path, "instruction", *order)
        assert reasons(file) == []
        assert {(seed.question, seed.family) for seed in file.seeds} == {
            ("One.", "general"),
            ("Two.", "write"),
        }


def test_a_row_with_several_instances_is_as_many_tasks(tmp_path: Path) -> None:
    instances = [
        {"input": "b a", "output": "a b"},
        {"input": "", "output": "?"},
        {"input": "b a", "output": "a b"},
    ]
    file = load(tmp_path, "instruction", {"instruction": "Sort.", "instances": instances})
    assert [(seed.name, seed.input) for seed in file.seeds] == [("rows-1", "b a"), ("rows-1/2", "")]
    assert reasons(file) == ["1: the same task is already in line 1"]


def test_a_conversation_is_cut_before_its_second_question(tmp_path: Path) -> None:
    system = {"role": "system", "content": " "}
    parts = {
        "role": "user",
        "content": [{"type": "text", "text": "Name a "}, {"type": "text", "text": "river."}],
    }
    greeting = {"role": "assistant", "content": "Hello!"}
    more = [{"role": "user", "content": "Another?"}, {"role": "assistant", "content": "The Elbe."}]
    file = load(tmp_path, "instruction", {"messages": [system, greeting, parts, TURNS[1], *more]})
    assert [(seed.question, seed.reference) for seed in file.seeds] == [("Name a river.", "The Rhine.")]


@pytest.mark.parametrize(
    ("kind", "row", "said"),
    [
        ("instruction", {"messages": []}, "messages: "),
        ("instruction", {"messages": "Hi"}, "messages: "),
        ("instruction", {"messages": [*TURNS, 7]}, "messages.2: "),
        ("instruction", {"messages": [TURNS[1]]}, "no user turn"),
        ("instruction", {"messages": [{"role": "system", "content": "Be rude."}, *TURNS]}, "a system turn"),
        ("instruction", {"messages": [{"role": ["user"], "content": "Hi"}]}, "an unknown role"),
        ("instruction", {"messages": [{"role": "user", "content": {"text": "Hi"}}]}, "is not text"),
        ("instruction", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "is not text"),
        (
            "instruction",
            {"messages": [TURNS[0], {"role": "assistant", "content": None, "tool_calls": [CALL]}]},
            "calls a tool",
        ),
        ("instruction", {"messages": [{"role": "user", "content": "Hi<|im_end|>"}]}, "question: <|im_end|>"),
        ("instruction", {"messages": [{"role": "user", "content": None}]}, "question: is blank"),
        ("instruction", {"instruction": " ", "output": "x"}, "instruction: is blank"),
        ("instruction", {"instruction": "?", "output": "</think>"}, "output: </think>"),
        ("instruction", {"instruction": "?", "input": "<tool_call>"}, "input: <tool_call>"),
        ("instruction", {"instruction": "?", "output": "x" * 20_001}, "output: 20,001 characters"),
        ("instruction", {"instruction": "?", "family": "a", "outptu": "x"}, "outptu: "),
        ("instruction", {"instruction": "?", "instances": []}, "instances: "),
        ("instruction", {"instruction": "?", "instances": [{"input": 1}]}, "instances.0.input: "),
        ("rationale", {"question": "?", "answer": "It is 4."}, "answer: has no ####"),
        ("rationale", {"question": "?", "answer": "It is 4. #### "}, "answer: nothing follows ####"),
        ("rationale", {"question": "?", "answer": None}, "answer: "),
        ("rationale", {"question": "?", "reference": True}, "reference: "),
        ("rationale", {"question": "?", "rationale": "<|im_start|>"}, "rationale: <|im_start|>"),
        ("rationale", {"question": "?", "expression": "1" * 4001}, "expression: 4,001 characters"),
        ("tool_call", {"question": "?", "reference": [CALL, [CALL]]}, "reference: expected a list of steps"),
        ("tool_call", {"question": "?", "reference": [[]]}, "reference: expected a list of steps"),
        (
            "tool_call",
            {"question": "?", "reference": [[{"name": "x"}]]},
            "reference: expected a list of steps",
        ),
        (
            "tool_call",
            {"question": "?", "reference": [[{"name": "x", "arguments": "no"}]]},
            "reference: expected a list of steps",
        ),
        (
            "tool_call",
            {"question": "?", "reference": [[{"name": "x", "arguments": {"a": "<|im_end|>"}}]]},
            "reference: <|im_end|>",
        ),
        (
            "tool_call",
            {"question": "?", "reference": '[[{"name": "x", "arguments": {"a": 1, "a": 2}}]]'},
            "reference: a key is duplicated",
        ),
        ("tool_call", {"question": "?", "reference": "[1"}, "reference: "),
        ("tool_call", {"question": "?", "reference": True}, "reference: "),
        ("tool_call", {"query": "?", "answers": "x + 1"}, "answers: should be a list of calls"),
        ("tool_call", {"query": "?", "answers": [[{"name": "x"}]]}, "answers: expected a list of steps"),
        ("tool_call", {"query": "?", "answers": "[{'name': open('x')}]"}, "answers: Expecting property name"),
        (
            "tool_call",
            {"query": "?", "answers": "[{'name': 'x', 'name': 'y'}]"},
            "answers: Expecting property",
        ),
        ("tool_call", {"query": "?", "answers": [{"name": "x", "arguments": "{1"}]}, "answers: Expecting"),
        ("tool_call", {"tools": [], "messages": TURNS[:1]}, "nobody answers the user"),
        (
            "tool_call",
            {"tools": [], "messages": [{"role": "system", "content": "In pirate speech."}, *TURNS]},
            "a system turn",
        ),
        (
            "tool_call",
            {"tools": [], "messages": [TURNS[0], {"role": "assistant", "tool_calls": [{"function": {}}]}]},
            "a call has no name",
        ),
        (
            "tool_call",
            {
                "tools": [],
                "messages": [TURNS[0], {"role": "assistant", "content": "<tool_call>{x</tool_call>"}],
            },
            "a call is not JSON",
        ),
        ("rationale", {"query": "?", "response": "It is 8."}, "response: does not end on"),
        ("rationale", {"query": "?", "response": "The answer is: "}, "response: does not end on"),
        (
            "rationale",
            {"query": "?", "response": "So.\n#### 8\nThe answer is: 9"},
            'response: says "#### 8", and then "The answer is: 9"',
        ),
        ("rationale", {"question": "?", "reference": "Answer: 8\nNo.\nAnswer: 9"}, "two final answers are"),
        (
            "rationale",
            {"problem": "?", "solution": "It is $\\boxed{9}$.", "answer": "8"},
            "answer: is 8, and the solution ends on 9",
        ),
        (
            "rationale",
            {"problem": "?", "solution": "It is so.", "answer": "proof"},
            "solution: has no \\boxed",
        ),
        (
            "rationale",
            {"question": "?", "final_answer": "8"},
            "final_answer: is no field of the format rationale (expression, family, id, language, question, "
            "rationale, reference); to use it, map it with columns",
        ),
        ("rationale", {"problem": "?", "solution": "It is 8."}, "solution: has no \\boxed{...}"),
        ("rationale", {"problem": "?", "solution": "It is \\boxed{8."}, "solution: has no \\boxed{...}"),
        (
            "instruction",
            {"system_prompt": "In pirate speech.", "question": "?", "response": "x"},
            "system_prompt: the answer was given under it",
        ),
        (
            "instruction",
            {"system": "In pirate speech.", "conversations": [{"from": "human", "value": "?"}]},
            "system: the answer was given under it",
        ),
        (
            "instruction",
            {"instruction": "?", "history": [["a", "b"]]},
            "history: the question cannot be asked",
        ),
        (
            "instruction",
            {"messages": TURNS, "tools": [{"name": "x"}]},
            "tools: the answer was given under it",
        ),
        (
            "rationale",
            {"question": "?", "answer": "#### B", "choices": ["x"]},
            "choices: the question cannot be",
        ),
        ("label", {"text": "?", "lable": "a"}, "lable: "),
        ("label", {"text": "?", "label": True}, "label: "),
        ("label", {"text": " ", "label": "a"}, "text: is blank"),
        ("label", {"text": "?", "label": "<|im_end|>"}, "label: <|im_end|>"),
        ("label", {"text": "x" * 4001}, "text: 4,001 characters"),
        ("label", {"sentence": "?", "label": "a", "context": "Text."}, "context: the question cannot"),
        ("extract", {"text": "?", "fields": [1]}, "fields: expected an object of fields"),
        ("extract", {"text": "?", "fields": "at 5"}, "fields: "),
        ("extract", {"text": "?", "fields": '{"at": 1, "at": 2}'}, "fields: a key is duplicated"),
        ("extract", {"text": "?", "fields": {"at": "</think>"}}, "fields: </think>"),
        ("extract", {"text": "?", "felds": {}}, "felds: "),
        (
            "rationale",
            {"question": "?", "answer": "#### B", "context": "Text."},
            "context: the question cannot",
        ),
    ],
)
def test_what_a_row_may_not_say(tmp_path: Path, kind: str, row: Any, said: str) -> None:
    file = load(tmp_path, kind, row)
    assert file.seeds == []
    (told,) = reasons(file)
    assert said in told


def test_seeds_say_where_they_stood(tmp_path: Path) -> None:
    file = load(
        tmp_path, "rationale", {"question": "One?"}, {"question": "Two?", "language": "zh", "family": "count"}
    )
    assert file.seeds == [
        Seed("rows-1", "en", "general", "One?", "", "rows.jsonl", 1),
        Seed("rows-2", "zh", "count", "Two?", "", "rows.jsonl", 2),
    ]


def test_columns_that_are_not_used_are_named_once(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"instruction": f"Sort {n}.", "output": "a", "text": "x", "source": "web", "history": []}
        for n in range(5)
    ]
    file = load(tmp_path, "instruction", *rows)
    assert (file.format_name, reasons(file)) == ("alpaca", [])
    assert file.notes == (
        "columns that are not used: history, source, text; to use one, map it: columns: {FIELD: history}, "
        "with a field of family, id, input, instruction, language, output",
    )
    assert load(tmp_path, "instruction", ALPACA).notes == ()


def test_the_tools_of_a_row_are_named_as_unused(tmp_path: Path) -> None:
    rows = [{"query": f"{n} miles?", "answers": [CALL], "tools": "[{}]"} for n in range(3)]
    assert load(tmp_path, "tool_call", *rows).notes == (
        "the column tools is not used: the tools are those of the recipe's file, data.tools",
    )


def test_who_maps_the_columns_decides_about_a_system_prompt(tmp_path: Path) -> None:
    row = {"system": "In pirate speech.", "q": "?", "a": "Arr.", "choices": [], "passage": ""}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    columns = {"instruction": "q", "output": "a"}
    file = load_seeds(path, "instruction", columns=columns)
    assert [seed.reference for seed in file.seeds] == ["Arr."]
    assert file.notes[0].startswith("columns that are not used: choices, passage, system;")
    path.write_text(json.dumps(row | {"choices": ["x", "y"]}))
    assert (
        "choices: the question cannot be asked"
        in reasons(load_seeds(path, "instruction", columns=columns))[0]
    )


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("3*2=6, 6+2=8.\n#### 8\nThe answer is: 8", "8"),
        ("So.\n#### 1,200\n\nThe answer is 1,200.", "1200"),
        ("So.\n#### 8\n8", "8"),
        (r"So.\n#### \frac{1}{2}\nThe final answer is: \frac{1}{2}".replace(r"\n", "\n"), r"\frac{1}{2}"),
        ("So.\n#### 8\nThe answer is: 9", None),
        ("So.\n#### 8\nand some more", None),
    ],
)
def test_a_final_answer_that_is_said_again_is_one_reference(
    tmp_path: Path, answer: str, reference: str | None
) -> None:
    file = load(tmp_path, "rationale", {"question": "How many?", "answer": answer})
    assert [seed.reference for seed in file.seeds] == ([reference] if reference else [])
    assert bool(file.faults) is (reference is None)


SOLVED = "3*2=6, 6+2=8.\n#### 8\nThe answer is: 8"


@pytest.mark.parametrize(
    ("row", "columns", "reference", "rationale"),
    [
        ({"query": "?", "response": SOLVED}, {"question": "query", "answer": "response"}, "8", SOLVED[:13]),
        # A whole solution for a reference: no answer would ever be that text.
        (
            {"query": "?", "response": SOLVED},
            {"question": "query", "reference": "response"},
            "8",
            SOLVED[:13],
        ),
        ({"question": "?", "reference": "So it is $\\boxed{\\frac{1}{2}}$."}, {}, "\\frac{1}{2}", None),
        ({"question": "?", "reference": "3*2=6. The answer is 6."}, {}, "6", "3*2=6."),
        ({"question": "?", "reference": "It is 8.\n#### 8", "rationale": "Count."}, {}, "8", "Count."),
        ({"question": "?", "reference": "the answer is a lie"}, {}, "the answer is a lie", ""),
        # OpenR1 and NuminaMath: the answer in a column of its own, beside a solution with or without a box.
        ({"problem": "?", "solution": "It is 8.", "answer": "8", "uuid": "x"}, {}, "8", "It is 8."),
        ({"problem": "?", "solution": "It is $\\boxed{8}$.", "answer": 8.0}, {}, "8", None),
        ({"problem": "?", "solution": "It is $\\boxed{x+1}$.", "answer": ["1 + x"]}, {}, "x+1", None),
        ({"problem": "?", "solution": "It is $\\boxed 2$.", "answer": None}, {}, "2", None),
        # MGSM: its test rows have a number alone.
        ({"question": "?", "answer": None, "answer_number": 1200, "equation_solution": None}, {}, "1200", ""),
        ({"question": "?", "answer": "6+2=8.", "answer_number": 8}, {}, "8", "6+2=8."),
        ({"question": "?", "answer": "6+2=8.\n#### 8", "answer_number": 8}, {}, "8", "6+2=8."),
    ],
)
def test_the_final_answer_of_a_solution_is_the_reference(
    tmp_path: Path, row: Any, columns: dict[str, str], reference: str, rationale: str | None
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    file = load_seeds(path, "rationale", columns=columns)
    assert reasons(file) == []
    assert [seed.reference for seed in file.seeds] == [reference]
    assert rationale is None or file.seeds[0].rationale == rationale


TWO = [CALL, {"name": "now", "arguments": {}}]


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        (CALL, [CALL]),
        (json.dumps(CALL), [CALL]),
        (str(TWO), TWO),  # as pandas writes a list into a CSV file
        ([json.dumps(call) for call in TWO], TWO),
        ([CALL | {"arguments": json.dumps(CALL["arguments"])}], [CALL]),
        ([{"name": "convert", "parameters": CALL["arguments"]}], [CALL]),
        ([{"id": "c", "type": "function", "function": CALL}], [CALL]),
        ([{"type": "function", "function": {"name": "now", "arguments": "{}"}}], TWO[1:]),
    ],
    ids=str,
)
@pytest.mark.parametrize("field", ["answers", "reference"])
def test_calls_are_read_as_others_write_them(tmp_path: Path, answers: Any, calls: Any, field: str) -> None:
    row = {"query" if field == "answers" else "question": "3 miles?", field: answers}
    file = load(tmp_path, "tool_call", row)
    assert reasons(file) == []
    assert json.loads(file.seeds[0].reference) == [calls]


@pytest.mark.parametrize(
    ("turn", "result"),
    [
        ({"role": "tool_call", "content": json.dumps(CALL)}, {"role": "tool_response", "content": "4"}),
        ({"from": "function_call", "value": str(CALL)}, {"from": "observation", "value": "4"}),
        (
            {"from": "gpt", "value": f"<tool_call>\n{CALL}\n</tool_call>"},  # Hermes, as Python prints it
            {"from": "tool", "value": "4"},
        ),
        ({"role": "assistant", "tool_calls": [{"function": CALL}]}, {"role": "ipython", "content": "4"}),
        ({"role": "assistant", "function_call": CALL}, {"role": "function_response", "content": "4"}),
    ],
    ids=str,
)
def test_turns_that_call_are_read_as_others_write_them(tmp_path: Path, turn: Any, result: Any) -> None:
    turns = [{"role": "user", "content": "3 miles?"}, turn, result, {"role": "assistant", "content": "4."}]
    file = load(tmp_path, "tool_call", {"tools": "[]", "messages": turns})
    assert (reasons(file), [json.loads(seed.reference) for seed in file.seeds]) == ([], [[[CALL]]])


def test_a_call_without_arguments_may_have_null_for_them(tmp_path: Path) -> None:
    turn = {"role": "assistant", "tool_calls": [{"function": {"name": "now", "arguments": None}}]}
    file = load(tmp_path, "tool_call", {"tools": [], "messages": [TURNS[0], turn]})
    assert json.loads(file.seeds[0].reference) == [TWO[1:]]


@pytest.mark.parametrize(
    ("answer", "reference", "rationale"),
    [
        ("2 and 2 are 4.\nAnswer: 4", "4", "2 and 2 are 4."),
        ("2 and 2 are 4.\n#### 4", "4", "2 and 2 are 4."),
        ("2 and 2 are 4, so \\boxed{4}", "4", None),
        ("<think>2 and 2.</think>\nThey are 4.\n**Answer:** 4", "4", None),
        ("两个加两个。\n答案：4", "4", "两个加两个。"),
        ("4", "4", ""),
        ("There are four of them", "There are four of them", ""),
    ],
)
@pytest.mark.parametrize("shape", ["messages", "conversations"])
def test_a_conversation_that_solves_a_question_has_its_final_answer(
    tmp_path: Path, shape: str, answer: str, reference: str, rationale: str | None
) -> None:
    question = "How many are two and two?"
    turns = (
        [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        if shape == "messages"
        else [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    )
    (seed,) = load(tmp_path, "rationale", {shape: turns}).seeds
    assert (seed.question, seed.reference) == (question, reference)
    assert rationale is None or seed.rationale == rationale
    if "<think>" not in answer:
        (whole,) = load(tmp_path, "instruction", {shape: turns}).seeds
        assert whole.reference == answer
