"""A small project of each kind in a folder, and a teacher whose part is written in the test."""

import io
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from factory.context.plan import Plan
from factory.context.run import Run
from factory.inference.request import Answer, Request
from factory.pipeline.entry import enter_run
from factory.recipe.load import load_recipe
from factory.store.store import Store
from factory.system.progress import Progress
from factory.tools.calculator import evaluate
from factory.workspace import Workspace
from tests.support.sample_rows import open_store

HEAD = 'name: tiny\nteacher: {model: tiny, endpoints: ["http://127.0.0.1:9/v1"]}\n'
SEEDS: dict[str, list[dict[str, Any]]] = {
    "tool_call": [
        {
            "id": f"s{number}",
            "family": "plain",
            "question": f"What is {number} + {number + 7}?",
            "reference": f"{number} + {number + 7}",
        }
        for number in range(11, 17)
    ],
    "steps": [
        {
            "id": f"s{number}",
            "family": "sum",
            "question": f"Add {number} and {number + 7}.",
            "reference": [[{"name": "calculator", "arguments": {"expression": f"{number} + {number + 7}"}}]],
        }
        for number in range(11, 17)
    ],
    "rationale": [
        {
            "id": f"s{number}",
            "family": "sum",
            "question": f"A shop has {number} pears and buys {number + 7}. How many are there?",
            "rationale": f"Together {number} + {number + 7} = {2 * number + 7}.",
            "reference": str(2 * number + 7),
            "expression": f"{number} + {number + 7}",
        }
        for number in range(11, 17)
    ],
    "instruction": [
        {
            "id": f"s{place}",
            "family": "writing",
            "instruction": f"Describe {thing} to a child.",
            "input": "",
            "output": f"It is {thing}.",
        }
        for place, thing in enumerate(
            ["a river", "thunder", "the moon", "an oak tree", "bread", "a lighthouse", "snow", "a violin"]
        )
    ],
}
Say = Callable[[Request], str | dict[str, Any]]


def project(folder: Path, seeds: str, *data: str, more: str = "") -> Path:
    """Write a recipe over the seeds of that name, `data` being further lines of `data`, and return its
    path."""
    kind = "tool_call" if seeds == "steps" else seeds
    write(folder / "seeds.jsonl", SEEDS[seeds])
    lines = [
        f"kind: {kind}",
        "seeds: seeds.jsonl",
        *(["tools: tools.json"] if kind == "tool_call" else []),
        *data,
    ]
    tools = Path(__file__).parents[2] / "data" / "tools" / "calculator.json"
    (folder / "tools.json").write_bytes(tools.read_bytes())
    path = folder / "recipe.yaml"
    path.write_text(HEAD + "data:\n" + "".join(f"  {line}\n" for line in lines) + more)
    return path


def checks(seeds: str, *more: str) -> str:
    """Return the line of a recipe that names the checks that none over these seeds may lack, and further
    ones."""
    needed = ["schema", "execution"] if seeds in ("tool_call", "steps") else ["schema"]
    return f"checks: [{', '.join([*needed, *more])}]\n"


def own_tool(folder: Path) -> Path:
    """Write a recipe over a tool of the person's own, `twice`, and return its path."""
    source = "def twice(number):\n    return str(2 * int(number))\n"
    schema = {
        "type": "object",
        "properties": {"number": {"type": "string"}},
        "required": ["number"],
        "additionalProperties": False,
    }
    tool = {
        "type": "function",
        "function": {"name": "twice", "description": "Doubles a number.", "parameters": schema},
    }
    seeds = [
        {"id": f"s{number}", "question": f"What is twice {number}?", "reference": str(number)}
        for number in range(11, 17)
    ]
    held_out = [
        {"id": f"h{number}", "question": f"Double {number}, please.", "reference": str(number)}
        for number in range(31, 35)
    ]
    (folder / "own.py").write_text(source)
    (folder / "tools.json").write_text(json.dumps([tool]))
    write(folder / "seeds.jsonl", seeds)
    write(folder / "held_out.jsonl", held_out)
    path = folder / "recipe.yaml"
    path.write_text(
        HEAD
        + (
            "data: {kind: tool_call, seeds: seeds.jsonl, tools: tools.json, "
            "custom_tools: {python: own.py}, count: 6}\nevaluate: {held_out: held_out.jsonl}\n"
        )
    )
    return path


def edit(path: Path, old: str, new: str) -> None:
    """Replace the one place of `old` in a file."""
    text = path.read_text()
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new))


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def load(folder: Path) -> Plan:
    """Return the recipe of a folder, read anew, with its workspace in `work`."""
    (folder / "work").mkdir(exist_ok=True)
    return Plan(Run(load_recipe(folder / "recipe.yaml"), Workspace(folder / "work"), Progress(io.StringIO())))


def opened(context: Plan) -> Store:
    """Return the open store of a workspace, the run entered."""
    store = open_store(context.run.workspace)
    enter_run(context, store, "test")
    return store


def count(store: Store, table: str) -> int:
    (row,) = store.query(f"SELECT count(*) AS n FROM {table}")
    return int(row["n"])


def column(store: Store, sql: str) -> list[Any]:
    return [next(iter(row.values())) for row in store.query(sql)]


class Model:
    """A teacher that says what it is told to. `at_once` requests are in flight; the latest is answered first,
    the very first one last of all if it is `held_back`. Before its answer number `stops_at` it is
    interrupted."""

    def __init__(self, say: Say, *, at_once: int = 8, held_back: bool = False, stops_at: int = -1):
        self._say, self._at_once, self._held_back, self._stops_at = say, at_once, held_back, stops_at
        self.opened = 0
        self.asked: list[Request] = []
        self.answered: list[str] = []

    def __call__(self) -> "Model":
        self.opened += 1
        return self

    @property
    def keys(self) -> list[str]:
        """What was asked, in order."""
        return [request.key for request in self.asked]

    def answer(self, requests: Iterable[Request | None]) -> Iterator[Answer]:
        waiting, flight = iter(requests), []
        while True:
            room = self._at_once - len(flight)
            asked = itertools.takewhile(lambda request: request is not None, itertools.islice(waiting, room))
            new = [request for request in asked if request]
            self.asked += new
            flight += new
            if not flight:
                return
            request = flight.pop()
            if self._held_back and request is self.asked[0] and flight:
                flight.insert(0, request)
                request = flight.pop()
            if len(self.answered) == self._stops_at:
                raise KeyboardInterrupt
            said = self._say(request)
            said = said if isinstance(said, dict) else {"text": said}
            self.answered.append(request.key)
            usual = {"finish_reason": "stop", "prompt_tokens": 30, "completion_tokens": 12, "seconds": 0.1}
            yield Answer(request.key, **(usual | said))


def numbers(request: Request) -> list[str]:
    """Return the numbers of what was asked last."""
    return re.findall(r"\d+", request.messages[-1]["content"])


def call(request: Request) -> str:
    """Say the call that a question about a sum needs."""
    return json.dumps({"name": "calculator", "arguments": {"expression": " + ".join(numbers(request))}})


def steps(request: Request) -> str:
    """Say the list of calls that a question about a sum needs, and the empty list after the result."""
    return (
        "[]"
        if len(request.messages) > 2 and request.messages[-1]["content"].startswith("Results")
        else f"[{call(request)}]"
    )


def reasoning(request: Request) -> str:
    """Say how a sum comes about, or as a judge that it comes about well."""
    if request.schema is not None:
        return '{"score": 4}'
    expression = " + ".join(numbers(request))
    return f"There are {expression} = {evaluate(expression)} of them.\nAnswer: {evaluate(expression)}"


def proposing(request: Request) -> str:
    """Propose an instruction that follows from the prompt alone, or answer one."""
    if request.schema is None:
        return f"About {request.messages[-1]['content'][:60]} there is this to say."
    words = [request.key[3:][place : place + 8] for place in range(0, 56, 8)]
    return json.dumps({"instruction": "Explain " + " ".join(words), "input": ""})
