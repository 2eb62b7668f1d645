"""Held-out tasks for Inspect: each conversation as the student is asked, judged by the file beside this one.

Written by `factory export`; needs nothing but Python and inspect_ai.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    GenerateConfig,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import ToolCall, ToolInfo, ToolParams

HERE = Path(__file__).parent
TASKS = json.loads((HERE / "tasks.json").read_text(encoding="utf-8"))["tasks"]


@task
def held_out(source: str = next(iter(TASKS))) -> Task:
    """The tasks of one source of data: -T source=NAME where there are several."""
    about = TASKS[source]
    lines = (HERE / f"{source}.jsonl").read_text(encoding="utf-8").split("\n")
    return Task(
        dataset=MemoryDataset([_sample(json.loads(line)) for line in lines if line], name=source),
        solver=asked(),
        scorer=judged(source),
        config=GenerateConfig(temperature=0.0, max_tokens=about["max_tokens"]),
        name=source,
    )


@solver
def asked() -> Solver:
    """Offer the tools of the task, take one turn, carry nothing out."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        # Not by `generate`, which takes no tool whose arguments lack a description.
        tools = [_tool(one["function"]) for one in state.metadata["tools"]]
        state.output = await get_model().generate(state.messages, tools=tools)
        state.messages.append(state.output.message)
        return state

    return solve


@scorer(metrics={"*": [mean(), stderr()]})
def judged(source: str) -> Scorer:
    """Judge one answer, its calls as the server parsed them."""
    about = TASKS[source]
    spec = importlib.util.spec_from_file_location(about["judge"], HERE / f"{about['judge']}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    async def score(state: TaskState, target: Target) -> Score:
        message = state.output.message
        calls = [{"name": call.function, "arguments": call.arguments} for call in message.tool_calls or []]
        answer = {"text": message.text, "calls": calls or None}
        verdicts = module.judge(answer, state.metadata["expected"], about["about"])
        value: dict[str, Any] = {name: float(verdict) for name, verdict in verdicts.items()}
        return Score(value=value, answer=json.dumps(calls) if calls else message.text)

    return score


def _sample(row: dict[str, Any]) -> Sample:
    tools, expected = json.loads(row["tools"]), json.loads(row["expected"])
    return Sample(
        id=row["id"],
        input=[_message(message) for message in json.loads(row["messages"])],
        target=row["target"],
        metadata={"language": row["language"], "tools": tools, "expected": expected},
    )


def _message(message: dict[str, Any]) -> ChatMessage:
    text = message.get("content") or ""
    match message["role"]:
        case "system":
            return ChatMessageSystem(content=text)
        case "user":
            return ChatMessageUser(content=text)
        case "tool":
            return ChatMessageTool(content=text, tool_call_id=message.get("tool_call_id"))
        case _:
            calls = [
                ToolCall(
                    id=call["id"],
                    function=call["function"]["name"],
                    arguments=json.loads(call["function"]["arguments"]),
                )
                for call in message.get("tool_calls") or []
            ]
            return ChatMessageAssistant(content=text, tool_calls=calls or None)


def _tool(function: dict[str, Any]) -> ToolInfo:
    schema = function.get("parameters") or {}
    known = {key: schema[key] for key in ("properties", "required", "additionalProperties") if key in schema}
    parameters = ToolParams.model_validate(known)
    described = function.get("description") or ""
    return ToolInfo(name=function["name"], description=described, parameters=parameters)
