"""What the `openai` client gets from `factory serve`: a parsed call for each question, and the final answer
after the tool's result.

python -m bench.served WORKSPACE [--artifact NAME]

Starts `factory serve` on a free port and asks an English and a Chinese question, and one that needs no tool.
Each call is checked to be one that the client parsed, with the arguments as JSON, and is really carried out.
Prints the conversations; ends on one JSON object.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openai import OpenAI

from factory.serve.chat import known_tools
from factory.tools.calculator import evaluate
from factory.workspace import Workspace

ROOT = Path(__file__).parents[1]
# Question, and the value that its call has to give; None where no call is wanted.
QUESTIONS = {
    "English": (
        "A farm has 38 rows of 26 trees, and 147 trees are cut down. How many trees are left?",
        "841",
    ),
    "Chinese": ("果园里有 38 行树，每行 26 棵，砍掉 147 棵以后还剩多少棵？", "841"),
    "no tool": ("Who wrote Romeo and Juliet?", None),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--artifact", help="a student's name; empty: the one that factory serve chooses")
    arguments = parser.parse_args()
    with serving(arguments.workspace, arguments.artifact) as client:
        tools = known_tools(Workspace(arguments.workspace))
        right = {label: _ask(client, tools, asked, wanted) for label, (asked, wanted) in QUESTIONS.items()}
    print(json.dumps(right))


@contextmanager
def serving(workspace: Path, artifact: str | None = None) -> Iterator[OpenAI]:
    """Yield a client of `factory serve`, which is ended afterwards."""
    command = [sys.executable, "-m", "factory.cli.main", "serve", "-w", str(workspace), "--port", "0"]
    command += ["--artifact", artifact] if artifact else []
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield OpenAI(base_url=process.stdout.readline().strip(), api_key="none")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _ask(client: OpenAI, tools: list[dict[str, Any]], asked: str, wanted: str | None) -> bool:
    (model,) = client.models.list()
    messages: list[Any] = [{"role": "user", "content": asked}]
    print(f"user       {asked}")
    said = (
        client.chat.completions.create(model=model.id, messages=messages, tools=tools, temperature=0)
        .choices[0]
        .message
    )
    if not said.tool_calls:
        print(f"assistant  {said.content}\n")
        return wanted is None and bool(said.content)
    function = said.tool_calls[0].function
    result = evaluate(json.loads(function.arguments)["expression"])
    print(f"call       {function.name} {function.arguments}\ntool       {result}")
    messages += [said, {"role": "tool", "tool_call_id": said.tool_calls[0].id, "content": result}]
    final = (
        client.chat.completions.create(model=model.id, messages=messages, tools=tools, temperature=0)
        .choices[0]
        .message
    )
    print(f"assistant  {final.content}\n")
    return result == wanted and not final.tool_calls and result in (final.content or "")


if __name__ == "__main__":
    main()
