"""A row of every seed format: the format, a kind that it serves, the row, and what becomes of it."""

import json
from typing import Any

CALL = {"name": "convert", "arguments": {"value": 3, "to": "km"}}
TIGHT: Any = {"sort_keys": True, "separators": (",", ":")}
OPENAI_CALL = {
    "id": "c1",
    "type": "function",
    "function": CALL | {"arguments": json.dumps(CALL["arguments"])},
}
TOOL = {"name": "convert", "parameters": {"value": {"type": "int"}, "to": {"type": "str"}}}
TURNS = [{"role": "user", "content": "Name a river."}, {"role": "assistant", "content": "The Rhine."}]

ROWS: list[tuple[str, str, Any, dict[str, str]]] = [
    (
        "tool_call",
        "tool_call",
        {"question": "2 + 2?", "reference": "2 + 2"},
        {"question": "2 + 2?", "reference": "2 + 2"},
    ),
    (
        "tool_call",
        "tool_call",
        {"question": "3 miles?", "reference": [[CALL, CALL], [CALL]]},
        {"reference": json.dumps([[CALL, CALL], [CALL]], sort_keys=True, separators=(",", ":"))},
    ),
    ("tool_call", "tool_call", {"question": "Hello!", "reference": []}, {"reference": "[]"}),
    (
        "tool_call",
        "tool_call",
        {"question": "2 + 2?", "reference": ""},
        {"question": "2 + 2?", "reference": ""},
    ),
    ("tool_call", "tool_call", {"question": "Hello!", "reference": " [ ] "}, {"reference": "[]"}),
    (
        "rationale",
        "rationale",
        {"question": "Half of 8?", "rationale": "8 / 2 is 4.", "reference": "4", "expression": "8 / 2"},
        {
            "question": "Half of 8?",
            "rationale": "8 / 2 is 4.",
            "reference": "4",
            "expression": "8 / 2",
            "input": "",
        },
    ),
    (
        "rationale",
        "rationale",
        {"id": "x", "question": "Half of 8?"},
        {"name": "x", "reference": "", "rationale": ""},
    ),
    ("rationale", "rationale", {"question": "Half of 9?", "reference": 4.5}, {"reference": "4.5"}),
    (
        "instruction",
        "instruction",
        {"id": "i", "language": "zh", "family": "write", "instruction": "写一句话。", "output": "好。"},
        {
            "name": "i",
            "language": "zh",
            "family": "write",
            "question": "写一句话。",
            "reference": "好。",
            "input": "",
        },
    ),
    (
        "alpaca",
        "instruction",
        {"instruction": "Sort.", "input": "b a", "output": "a b", "text": "Below is"},
        {"question": "Sort.", "input": "b a", "reference": "a b", "rationale": ""},
    ),
    (
        "alpaca",
        "instruction",
        {"instruction": "Sort.", "input": None, "output": "?"},
        {"question": "Sort.", "input": "", "reference": "?"},
    ),
    (
        "self_instruct",
        "instruction",
        {
            "id": "seed_0",
            "name": "sort",
            "instruction": "Sort.",
            "instances": [{"input": "b a", "output": "a b"}],
            "is_classification": False,
        },
        {"name": "seed_0", "question": "Sort.", "input": "b a", "reference": "a b"},
    ),
    (
        "messages",
        "instruction",
        {"messages": TURNS},
        {"question": "Name a river.", "reference": "The Rhine.", "input": ""},
    ),
    ("messages", "rationale", TURNS, {"question": "Name a river.", "reference": "The Rhine."}),
    (
        "messages",
        "instruction",
        {"conversations": [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Hello."}]},
        {"question": "Hi.", "reference": "Hello."},
    ),
    (
        "gsm8k",
        "rationale",
        {"question": "How many?", "answer": "He has 2*600=<<2*600=1200>>1200 eggs.\nSo 1,200.\n#### 1,200"},
        {"question": "How many?", "rationale": "He has 2*600=1200 eggs.\nSo 1,200.", "reference": "1200"},
    ),
    (
        "dolly",
        "instruction",
        {
            "instruction": "Who built the bridge?",
            "context": "Mira Holt built it in 1904.",
            "response": "Mira Holt.",
            "category": "closed_qa",
        },
        {
            "question": "Who built the bridge?",
            "input": "Mira Holt built it in 1904.",
            "reference": "Mira Holt.",
            "family": "closed_qa",
        },
    ),
    (
        "openorca",
        "instruction",
        {
            "id": "flan.1",
            "system_prompt": "You are a helpful assistant.",
            "question": "Add 1 and 1.",
            "response": 2,
        },
        {"name": "flan.1", "question": "Add 1 and 1.", "reference": "2"},
    ),
    (
        "prompt_completion",
        "instruction",
        {"prompt": "Name a river.", "completion": " The Rhine."},
        {"question": "Name a river.", "reference": "The Rhine."},
    ),
    (
        "metamath",
        "rationale",
        {
            "type": "GSM_Rephrased",
            "query": "Lena has 3 bags with 2 pears and 2 loose pears. How many?",
            "original_question": "?",
            "response": "3*2=6, 6+2=8.\n#### 8\nThe answer is: 8",
        },
        {"reference": "8", "rationale": "3*2=6, 6+2=8.", "family": "GSM_Rephrased"},
    ),
    (
        "math",
        "rationale",
        {
            "problem": "What is $\\frac12 + x$?",
            "level": "Level 1",
            "type": "Algebra",
            "solution": "We get $\\boxed{1}$, no: $\\boxed{\\frac{1}{2} + x}$.",
        },
        {
            "question": "What is $\\frac12 + x$?",
            "reference": "\\frac{1}{2} + x",
            "family": "Algebra",
            "rationale": "We get $\\boxed{1}$, no: $\\boxed{\\frac{1}{2} + x}$.",
        },
    ),
    (
        "xlam",
        "tool_call",
        {"id": 4, "query": "3 miles?", "answers": json.dumps([CALL, CALL]), "tools": "[{}]"},
        {"name": "4", "question": "3 miles?", "reference": json.dumps([[CALL, CALL]], **TIGHT)},
    ),
    (
        "tool_messages",
        "tool_call",
        {
            "tools": [{"type": "function"}],
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": "3 miles, twice?"},
                {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
                {"role": "tool", "content": "4.8"},
                {"role": "assistant", "tool_calls": [OPENAI_CALL, OPENAI_CALL]},
                {"role": "tool", "content": "9.6"},
                {"role": "assistant", "content": "It is 9.6 km."},
                {"role": "user", "content": "Thanks."},
                {"role": "assistant", "tool_calls": [OPENAI_CALL]},
            ],
        },
        {"question": "3 miles, twice?", "reference": json.dumps([[CALL], [CALL, CALL]], **TIGHT)},
    ),
    (
        "tool_messages",
        "tool_call",
        {
            "id": "hermes",
            "category": "Units",
            "tools": "[]",
            "conversations": [
                {"from": "system", "value": "You call functions. <tools> [] </tools>"},
                {"from": "human", "value": "3 miles?"},
                {"from": "gpt", "value": f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>"},
                {"from": "tool", "value": "<tool_response>4.8</tool_response>"},
                {"from": "gpt", "value": "4.8 km."},
            ],
        },
        {"name": "hermes", "question": "3 miles?", "reference": json.dumps([[CALL]], **TIGHT)},
    ),
    (
        "tool_messages",
        "tool_call",
        {
            "tools": "[]",
            "conversations": [
                {"from": "human", "value": "3 miles?"},
                {"from": "function_call", "value": json.dumps(CALL)},
                {"from": "observation", "value": "4.8"},
                {"from": "gpt", "value": "4.8 km."},
            ],
        },
        {"question": "3 miles?", "reference": json.dumps([[CALL]], **TIGHT)},
    ),
    (
        "xlam",
        "function_call",
        {"id": "f", "query": "3 miles?", "tools": [TOOL], "answers": [CALL]},
        {"name": "f", "question": "3 miles?", "reference": json.dumps([[CALL]], **TIGHT)},
    ),
    (
        "tool_messages",
        "function_call",
        {"tools": [TOOL], "messages": TURNS},
        {"question": "Name a river.", "reference": "[]"},
    ),
    (
        "bfcl",
        "function_call",
        {
            "id": "multiple_2",
            "question": [[{"role": "user", "content": "3 miles?"}]],
            "function": [TOOL],
            "ground_truth": [{"convert": {"value": [3], "to": ["km", ""]}}],
        },
        {
            "name": "multiple_2",
            "family": "multiple",
            "reference": json.dumps(
                [{"name": "convert", "allowed": {"value": [3], "to": ["km", ""]}}], **TIGHT
            ),
        },
    ),
    (
        "tool_messages",
        "tool_call",
        {"tools": [], "messages": TURNS},
        {"question": "Name a river.", "reference": "[]"},
    ),
    (
        "tool_call",
        "tool_call",
        {"question": "3 miles?", "reference": [CALL, CALL]},
        {"reference": json.dumps([[CALL, CALL]], **TIGHT)},
    ),
    ("tool_call", "tool_call", {"question": "2 + 2?", "reference": 4}, {"reference": "4"}),
    (
        "stored_completion",
        "labelled",
        {
            "id": "log-1",
            "request": {"model": "m", "messages": TURNS[:1]},
            "response": {"choices": [{"index": 0, "finish_reason": "stop", "message": TURNS[1]}]},
        },
        {"name": "log-1", "question": "Name a river.", "reference": "The Rhine."},
    ),
    ("alpaca", "instruction", {"instruction": "2 + 2?", "output": 4, "text": ""}, {"reference": "4"}),
    ("label", "label", {"text": "Where is my card?", "label": "card"}, {"reference": "card"}),
    (
        "label",
        "label",
        {"id": "m1", "language": "zh", "family": "mail", "text": "我的卡在哪里？", "label": " 卡 "},
        {"name": "m1", "language": "zh", "question": "我的卡在哪里？", "reference": "卡"},
    ),
    ("label", "label", {"text": "Five stars.", "label": 4}, {"reference": "4"}),
    ("text_label", "label", {"idx": 3, "text": "Fine.", "label": "good"}, {"reference": "good"}),
    ("text_label", "label", {"idx": 3, "text": "Fine.", "label": -1}, {"reference": ""}),
    ("sentence_label", "label", {"idx": 3, "sentence": "Fine.", "label": 1}, {"question": "Fine."}),
    (
        "extract",
        "extract",
        {"text": "In Ulm at 5.", "fields": {"place": "Ulm", "at": 5}},
        {"question": "In Ulm at 5.", "reference": '{"at":5,"place":"Ulm"}'},
    ),
    ("extract", "extract", {"text": "Nothing.", "fields": {}}, {"reference": "{}"}),
    ("extract", "extract", {"text": "At 5.", "fields": '{ "at": 5 }'}, {"reference": '{"at":5}'}),
]
