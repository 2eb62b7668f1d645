"""A workspace for the review: sums that a calculator was called for, one of them full of what could do harm,
and the recipe whose checks judge an edit."""

import json
from pathlib import Path
from typing import Any

from factory.workspace import Workspace
from tests.support.sample_rows import finished, generation, make_workspace, open_store
from tests.support.scripted import HEAD, write

TOOLS = json.loads(
    (Path(__file__).parents[2] / "data" / "tools" / "calculator.json").read_text(encoding="utf-8")
)
HARM = (
    '<script>window.harmed = 1</script><img src=x onerror="window.harmed = 2">'
    '=HYPERLINK("http://x")\x1b[31m\u202edekcah'
)
QUESTIONS = ["What is 2 + 3?", "Add 19 and 27.", HARM, "What is 7 + 8?"]
CALLS = ["2 + 3", "19 + 27", "1 + 1", "7 + 80"]
REFERENCES = [*CALLS[:3], "7 + 8"]
CHECKS = ["schema:1", "execution:1", "agreement:1"]
RECIPE = (
    HEAD
    + "data: {kind: tool_call, seeds: seeds.jsonl, tools: tools.json, count: 4}\n"
    + "checks: [schema, execution, agreement]\n"
)


def reviewed(root: Path) -> Workspace:
    """Make a workspace with four samples of which the last is rejected by a check."""
    plain = finished()
    rows: dict[str, list[dict[str, Any]]] = {
        "runs": [
            plain["runs"][0] | {"check_keys": CHECKS, "target_count": None, "recipe_text": RECIPE}
        ],
        "seeds": plain["seeds"], "plan_items": [], "generations": [], "samples": [], "verdicts": [],
    }  # fmt: skip
    for place, (question, expression) in enumerate(zip(QUESTIONS, CALLS, strict=True)):
        call = {"name": "calculator", "arguments": {"expression": expression}}
        result = str(eval(expression))  # our own four sums
        about = {
            "seed_id": "b2:seed",
            "task_id": f"b2:task{place}",
            "language": "en",
            "question": question,
            "reference": REFERENCES[place],
        }
        rows["plan_items"].append(
            about
            | {
                "plan_id": "b2:plan",
                "position": place,
                "draw": 0,
                "request_key": f"b2:key{place}",
                "sample_id": f"b2:sample{place}",
            }
        )
        rows["generations"].append(generation(f"b2:key{place}", json.dumps(call) if place != 2 else HARM))
        rows["samples"].append(
            about
            | {
                "sample_id": f"b2:sample{place}", "request_key": f"b2:key{place}", "kind": "tool_call",
                "family": "sum", "input": "",
                "tools": TOOLS, "call": call, "fault": None, "result": result, "rationale": None,
                "answer": f"The answer is {result}.",
                "dedup_key": f"b2:content{place}", "parents": ["b2:seed"],
                "messages": [
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": None, "tool_calls": [
                        {
                            "id": "call_1", "type": "function",
                            "function": {"name": "calculator", "arguments": json.dumps(call["arguments"])},
                        }
                    ]},
                    {"role": "tool", "tool_call_id": "call_1", "content": result},
                    {"role": "assistant", "content": f"The answer is {result}."},
                ],
            }
        )  # fmt: skip
        for check in CHECKS:
            passed = place < 3 or check != "agreement:1"
            rows["verdicts"].append(
                {
                    "sample_id": f"b2:sample{place}", "check_key": check, "check_name": check[:-2],
                    "passed": passed,
                    "reason": "ok" if passed else "wrong_result", "score": None,
                    "detail": None if passed else HARM,
                }
            )  # fmt: skip
    root.mkdir(parents=True, exist_ok=True)
    seed = {"id": "s1", "family": "sum", "question": QUESTIONS[0], "reference": CALLS[0]}
    write(root / "seeds.jsonl", [seed])
    (root / "tools.json").write_text(json.dumps(TOOLS), encoding="utf-8")
    return make_workspace(root, rows)


def training(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the training set."""
    with open_store(workspace) as store:
        return store.query(
            "SELECT sample_id, position, question, result, answer, messages FROM training_set "
            "ORDER BY position"
        )
