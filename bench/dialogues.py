"""Dialogues with tools through `factory serve` and the `openai` client, streamed and not.

python -m bench.dialogues WORKSPACE TASKS [TASKS ...] [--count 20] [--turns 2]

Plays the first tasks of the files whose reference has at least so many turns of calls, with the student that
`factory serve` chooses: each call is carried out and its result handed back until no call comes. A dialogue
is well formed where each call that came was parsed by the server, names an offered tool and fits its schema,
and the last turn is text; `fed_back` are those in which a call came after a result. Prints each dialogue;
ends on one JSON object, with how many are the same streamed and not.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import jsonschema
from openai import OpenAI

from bench.served import serving
from factory.serve.chat import known_tools
from factory.tools.errors import ToolError
from factory.tools.registry import run_tool
from factory.workspace import Workspace

MOST_TURNS = 8
Turn = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("tasks", type=Path, nargs="+", help="files of tasks, as held-out tasks are written")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--turns", type=int, default=2, help="at least so many turns of calls")
    arguments = parser.parse_args()
    tasks = _tasks(arguments.tasks, arguments.count, arguments.turns)
    tools = known_tools(Workspace(arguments.workspace))
    with serving(arguments.workspace) as client:
        (model,) = client.models.list()
        played = [
            [Dialogue(client, model.id, tools, streamed).play(task["question"]) for streamed in (False, True)]
            for task in tasks
        ]
    for task, (plain, _) in zip(tasks, played, strict=True):
        print(json.dumps({"question": task["question"], **plain.shown}, ensure_ascii=False))
    print(json.dumps(_sums(tasks, played)))


class Dialogue:
    """One task played to its end: its turns, the results of the last calls, and whether all was well
    formed."""

    def __init__(self, client: OpenAI, model: str, tools: list[Turn], streamed: bool):
        self._client, self._model, self._tools, self._streamed = client, model, tools, streamed
        self._schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
        self.turns: list[Turn] = []
        self.results: list[str] = []
        self.well_formed = True

    def play(self, question: str) -> "Dialogue":
        messages: list[Any] = [{"role": "user", "content": question}]
        for _ in range(MOST_TURNS):
            said = self._stream(messages) if self._streamed else self._whole(messages)
            self.turns.append(said)
            if not said["calls"]:
                self.well_formed &= bool(said["content"])
                return self
            self.results = [self._carried_out(call) for call in said["calls"]]
            calls = [
                {"id": f"call-{place}", "type": "function", "function": call}
                for place, call in enumerate(said["calls"])
            ]
            messages.append({"role": "assistant", "content": said["content"], "tool_calls": calls})
            messages += [
                {"role": "tool", "tool_call_id": call["id"], "content": result}
                for call, result in zip(calls, self.results, strict=True)
            ]
        self.well_formed = False
        return self

    @property
    def shown(self) -> dict[str, Any]:
        """What a reader wants to see of it."""
        return {"turns": self.turns, "results": self.results, "well_formed": self.well_formed}

    def _whole(self, messages: list[Any]) -> Turn:
        answer = self._client.chat.completions.create(
            model=self._model, messages=messages, tools=self._tools, temperature=0
        )
        said = answer.choices[0].message
        calls = [
            {"name": call.function.name, "arguments": call.function.arguments}
            for call in said.tool_calls or []
        ]
        return {"content": said.content or "", "calls": calls}

    def _stream(self, messages: list[Any]) -> Turn:
        text = ""
        calls: dict[int, dict[str, str]] = {}
        chunks = self._client.chat.completions.create(
            model=self._model, messages=messages, tools=self._tools, temperature=0, stream=True
        )
        for chunk in chunks:
            delta = chunk.choices[0].delta
            text += delta.content or ""
            for part in delta.tool_calls or []:
                call = calls.setdefault(part.index, {"name": "", "arguments": ""})
                call["name"] += part.function.name or ""
                call["arguments"] += part.function.arguments or ""
        return {"content": text, "calls": [calls[index] for index in sorted(calls)]}

    def _carried_out(self, call: dict[str, str]) -> str:
        try:
            given = json.loads(call["arguments"])
            jsonschema.validate(given, self._schemas[call["name"]])
        except (ValueError, KeyError, jsonschema.ValidationError) as error:
            self.well_formed = False
            return f"error: {error}"
        try:
            return run_tool(call["name"], given)
        except ToolError as error:
            return f"error: {error}"


def _tasks(files: list[Path], count: int, turns: int) -> list[dict[str, Any]]:
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if isinstance(row["reference"], list) and len(row["reference"]) >= turns][
        :count
    ]


def _sums(tasks: list[dict[str, Any]], played: list[list[Dialogue]]) -> dict[str, int]:
    sums = {"dialogues": len(tasks), "same": sum(plain.turns == streamed.turns for plain, streamed in played)}
    for place, how in enumerate(("plain", "streamed")):
        ones = [pair[place] for pair in played]
        sums |= {
            f"well_formed_{how}": sum(one.well_formed for one in ones),
            f"fed_back_{how}": sum(len(one.turns) > 2 for one in ones),
        }
    return sums


if __name__ == "__main__":
    main()
