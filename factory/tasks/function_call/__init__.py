"""The kind `function_call`: a question with tools of its own, and the calls that answer it."""

from factory.tasks.function_call.kind import FunctionCall

KIND = FunctionCall()
