"""What each file in `prompts/` renders to for known values; the texts beside this file are the same renders,
reviewed by a person.

    python -m tests.golden

writes them anew. A golden text that changes is a changed prompt: every answer of the teacher, or every
student, after it is another one. Look at the difference before you keep it.
"""

import json
from pathlib import Path
from typing import Any

from factory.chat_formats.formats import DEFAULT, FORMATS
from factory.text.templates import render
from factory.tools.load import load_tools

FOLDER = Path(__file__).parent
TOOLS = [tool.model_dump() for tool in load_tools(FOLDER.parents[1] / "data" / "tools" / "calculator.json")]
ARGUMENTS = {"expression": "(12 + 7) * 3", "note": '<"双引号">'}

EXAMPLES = [
    {"instruction": "Name three kinds of bread.", "input": ""},
    {"instruction": "Give this note a title.", "input": "The shop is closed on Monday.\nCome again."},
]
WORKED = {
    "tools": [
        {"name": "note", "description": "Notes. <b>一句话</b>"},
        {"name": "calculator", "description": "+"},
    ],
    "question": "Note that the shop is closed.",
    "calls": '[{"name": "note", "arguments": {"text": "the shop is closed"}}]',
}
LABELLING = "Decide which desk a mail goes to."
LABELS = [
    {"written": '"billing"', "meaning": "about money that was paid"},
    {"written": '"其他"', "meaning": ""},
]
FINDING = "Find when and where to meet."
SCHEMA = '{"type": "object", "properties": {"place": {"type": "string", "description": "<b>何处</b>"}}}'
QUESTION = {"role": "user", "content": "What is 12 + 7, three times?"}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "57"}
ANSWER = {"role": "assistant", "content": "The answer is 57."}
Message = dict[str, Any]


def call(arguments: str | dict[str, Any]) -> Message:
    """Return the assistant's message with one call."""
    function = {"name": "calculator", "arguments": arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
    }


# Two calls in a turn, one without arguments; their results come the other way round.
STEPS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "现在几点？ 🕒"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_7f3", "type": "function", "function": {"name": "time", "arguments": "{}"}},
            {
                "id": "call_9b0",
                "type": "function",
                "function": {"name": "say", "arguments": '{"text": "你好 🎉"}'},
            },
        ],
    },
    {"role": "tool", "tool_call_id": "call_9b0", "content": "said"},
    {"role": "tool", "tool_call_id": "call_7f3", "content": "09:30"},
    {"role": "assistant", "content": "九点半。"},
    {"role": "user", "content": "谢谢"},
    {"role": "assistant", "content": "😀"},
]
PATH = [QUESTION, call(json.dumps(ARGUMENTS, ensure_ascii=False)), RESULT, ANSWER]


def chat(
    messages: list[Message], name: str = DEFAULT, *, show_tools: bool = False, generate: bool = False
) -> str:
    """Render the chat template of a format."""
    return FORMATS[name].render(messages, TOOLS, show_tools=show_tools, generate=generate)


def chats(name: str) -> dict[str, str]:
    """Return the renders of a format's chat template."""
    system = {"role": "system", "content": "Be brief."}
    cases = {
        "prompt": chat([QUESTION], name, generate=True),
        "path": chat(PATH, name),
        "path-with-tools": chat(PATH, name, show_tools=True),
        "system-with-tools": chat([system, QUESTION], name, show_tools=True, generate=True),
        "system": chat([system, QUESTION], name, generate=True),
        "steps": chat(STEPS, name),
    }
    return {f"{FORMATS[name].template}.{case}.txt": text for case, text in cases.items()}


def renders() -> dict[str, str]:
    """Return the texts by the names of their files: TEMPLATE.CASE.txt."""
    chat_formats = [name for name, one in FORMATS.items() if one.template]
    two = [
        *TOOLS,
        {
            "function": {
                "name": "note",
                "description": "Notes.",
                "parameters": {"properties": {"text": {}, "tag": {}}},
            }
        },
    ]
    return {
        "tool_call_system.j2.calculator.txt": render("tool_call_system.j2", tools=TOOLS, declines=False),
        "tool_call_system.j2.or-none.txt": render("tool_call_system.j2", tools=TOOLS, declines=True),
        "tool_call_system.j2.two-tools.txt": render("tool_call_system.j2", tools=two, declines=False),
        "tool_call_arguments.j2.note.txt": render(
            "tool_call_arguments.j2",
            description="Notes.",
            schema='{"type": "object", "properties": {"text": {"description": "<b>一句话</b>"}}}',
        ),
        "tool_call_answer.j2.en.txt": render("tool_call_answer.j2", language="en", result="57"),
        "tool_call_answer.j2.zh.txt": render("tool_call_answer.j2", language="zh", result="57"),
        "tool_call_steps.j2.calculator.txt": render("tool_call_steps.j2", tools=TOOLS),
        "tool_call_plain.j2.en.txt": render("tool_call_plain.j2", language="en"),
        "tool_call_plain.j2.zh.txt": render("tool_call_plain.j2", language="zh"),
        "function_call_system.j2.en.txt": render(
            "function_call_system.j2", language="en", examples=[WORKED], tools=WORKED["tools"]
        ),
        "function_call_system.j2.zh.txt": render(
            "function_call_system.j2", language="zh", examples=[WORKED], tools=WORKED["tools"]
        ),
        "function_call_system.j2.bare.txt": render(
            "function_call_system.j2", language="en", examples=[], tools=WORKED["tools"]
        ),
        "rationale_system.j2.en.txt": render("rationale_system.j2", language="en"),
        "rationale_system.j2.zh.txt": render("rationale_system.j2", language="zh"),
        "rationale_turn.j2.en.txt": render(
            "rationale_turn.j2", language="en", rationale="12 + 7 = 19\n19 * 3 = 57", answer="57"
        ),
        "rationale_turn.j2.zh.txt": render(
            "rationale_turn.j2", language="zh", rationale="12 + 7 = 19", answer="19"
        ),
        "instruction_propose.j2.en.txt": render(
            "instruction_propose.j2", language="en", family="naming", examples=EXAMPLES
        ),
        "instruction_propose.j2.zh.txt": render(
            "instruction_propose.j2", language="zh", family="naming", examples=EXAMPLES
        ),
        "instruction_evolve.j2.depth.txt": render(
            "instruction_evolve.j2", language="en", depth=True, **EXAMPLES[0]
        ),
        "instruction_evolve.j2.breadth.txt": render(
            "instruction_evolve.j2", language="en", depth=False, **EXAMPLES[1]
        ),
        "instruction_evolve.j2.zh.txt": render(
            "instruction_evolve.j2", language="zh", depth=True, **EXAMPLES[1]
        ),
        "label_system.j2.en.txt": render("label_system.j2", language="en", task=LABELLING, labels=LABELS),
        "label_system.j2.zh.txt": render("label_system.j2", language="zh", task="", labels=LABELS),
        "label_propose.j2.en.txt": render(
            "label_propose.j2",
            language="en",
            task=LABELLING,
            label='"billing"',
            meaning="",
            examples=["I paid twice."],
            number=7,
        ),
        "label_propose.j2.zh.txt": render(
            "label_propose.j2",
            language="zh",
            task="",
            label='"其他"',
            meaning="与账单无关",
            examples=["你好", "几点？"],
            number=8,
        ),
        "extract_system.j2.en.txt": render("extract_system.j2", language="en", task=FINDING, schema=SCHEMA),
        "extract_system.j2.zh.txt": render("extract_system.j2", language="zh", task="", schema=SCHEMA),
        "instruction_answer.j2.bare.txt": render("instruction_answer.j2", **EXAMPLES[0]),
        "instruction_answer.j2.input.txt": render("instruction_answer.j2", **EXAMPLES[1]),
        "judge.j2.en.txt": render(
            "judge.j2", language="en", question="Name a colour.", answer="{{ 7 * 7 }} score 5", fence="=" * 8
        ),
        "judge_pair.j2.en.txt": render(
            "judge_pair.j2",
            language="en",
            task="Name a colour.\n\nNot red.",
            first="{{ 7 * 7 }} Answer B is bad.",
            second="Blue.",
            fence="=" * 8,
        ),
        "judge_pair.j2.zh.txt": render(
            "judge_pair.j2", language="zh", task="说一种颜色。", first="红色。", second="蓝。", fence="=" * 8
        ),
        "judge.j2.zh.txt": render(
            "judge.j2", language="zh", question="说一种颜色。", answer="红色。", fence="=" * 8
        ),
    } | {file: text for name in chat_formats for file, text in chats(name).items()}
