"""Chat with a served student; its tool calls are executed.

Promise: a call that cannot be read or carried out is shown, and its error handed to the student as the
result. Not promised: a person's own tools, which only run where their recipe is; a call of one is answered
with an error.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from openai import OpenAI, OpenAIError

from factory.errors import FactoryError
from factory.store.store import read_store
from factory.text.visible import escape_hidden
from factory.tools.errors import ToolError
from factory.tools.registry import run_tool
from factory.workspace import Workspace

MAX_STEPS = 8


def known_tools(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the tools, in OpenAI form, that the latest run's samples were made with."""
    with read_store(workspace.store) as connection:
        row = connection.execute(
            "SELECT tools FROM current_samples WHERE tools IS NOT NULL LIMIT 1"
        ).fetchone()
    tools: list[dict[str, Any]] = json.loads(row[0]) if row else []
    return tools


class Chat:
    """One conversation; `show` receives each call and its result."""

    def __init__(self, url: str, model: str, tools: list[dict[str, Any]], show: Callable[[str], None]):
        self._client = OpenAI(base_url=url, api_key="none", max_retries=0)
        self._model, self._tools, self._show = model, tools, show
        self._messages: list[Any] = []

    def say(self, text: str) -> str:
        """Return the student's final answer to a message; FactoryError if the server does not
        answer."""
        self._messages.append({"role": "user", "content": text})
        for message in self._turns():
            self._messages.append(message.model_dump(exclude_none=True))
            if not message.tool_calls:
                return message.content or ""
            for call in message.tool_calls:
                self._messages.append(
                    {"role": "tool", "tool_call_id": call.id, "content": self._carried_out(call.function)}
                )
        return f"(no answer after {MAX_STEPS} calls)"

    def _turns(self) -> Iterator[Any]:
        tools: dict[str, Any] = {"tools": self._tools} if self._tools else {}
        for _ in range(MAX_STEPS):
            try:
                answer = self._client.chat.completions.create(
                    model=self._model, messages=self._messages, temperature=0, **tools
                )
            except OpenAIError as error:
                raise FactoryError(f"the student did not answer: {error}") from None
            yield answer.choices[0].message

    def _carried_out(self, function: Any) -> str:
        try:
            result = run_tool(function.name, json.loads(function.arguments))
        except (ToolError, ValueError, KeyError) as error:
            result = f"error: {error}"
        self._show(
            f"{escape_hidden(function.name)}({escape_hidden(function.arguments)}) = {escape_hidden(result)}"
        )
        return result
