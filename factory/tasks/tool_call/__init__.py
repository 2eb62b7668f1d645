"""The kind `tool_call`: a question, the calls that answer it, the tools' results, the answer."""

from factory.tasks.tool_call.kind import ToolCall

KIND = ToolCall()
