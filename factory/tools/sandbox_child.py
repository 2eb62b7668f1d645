"""The process in which a person's tools run: it locks itself in, loads the source it is sent, and answers
calls, a JSON line each.

Promise: an answer is `{"id", "text"}` or `{"id", "reason", "message"}`, in ASCII; what the person's code
prints goes nowhere. The process ends with its input. Everything that it sends is the person's code speaking,
since that code shares the interpreter: `factory.tools.sandbox` trusts nothing of it, and keeps the time.
"""

import json
import os
import sys
from typing import Any

from factory.system.digest import canonical_json
from factory.tools.jail import enter

MAX_RESULT = 64 * 1024  # characters


def main() -> None:
    """Serve calls from standard input until it ends. Arguments: bytes of memory, the parent's process id, the
    folder to forget."""
    memory, parent, checkout = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    sys.path.remove(checkout)
    _say(answers, {"id": 0, "walls": enter(memory, parent)})
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    functions: dict[str, Any] = {"__name__": "own_tools"}
    with os.fdopen(requests, "rb") as lines:
        for line in lines:
            request = json.loads(line)
            try:
                answer = {"id": request["id"], "text": _carried_out(request, functions)}
            except BaseException as error:
                answer = {"id": request["id"], **_failure(error)}
            _say(answers, answer)


def _carried_out(request: dict[str, Any], functions: dict[str, Any]) -> str:
    if "source" in request:
        functions["__file__"] = request["file"]
        exec(compile(request["source"], request["file"], "exec"), functions)
        return ""
    return _text(functions[request["name"]](**request["arguments"]))


class _BadResult(Exception):
    """What the function returned is no result."""


def _text(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else canonical_json(value)
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise _BadResult(f"the result is neither text nor a JSON value: {error}") from None
    if len(text) > MAX_RESULT:
        raise _BadResult(f"the result has {len(text):,} characters, and {MAX_RESULT:,} are allowed")
    return str(text)


def _failure(error: BaseException) -> dict[str, str]:
    if isinstance(error, MemoryError):
        return {"reason": "out_of_memory", "message": "the tool asked for more memory than it may have"}
    if isinstance(error, _BadResult):
        return {"reason": "bad_result", "message": str(error)[:400]}
    try:
        text = str(error)[:400]
    except BaseException:
        text = ""
    message = f"{type(error).__name__}: {text}" + _place(error)
    return {"reason": "refused" if _refused(error) else "raised", "message": message}


def _refused(error: BaseException) -> bool:
    """Whether a wall is behind the error; libraries wrap what the walls say in errors of their own."""
    step: BaseException | None = error
    for _ in range(10):
        if step is None or isinstance(step, PermissionError):
            break
        step = step.__cause__ or step.__context__
    return isinstance(step, PermissionError)


def _place(error: BaseException) -> str:
    """The innermost line of the person's file that the error came through."""
    place, step = "", error.__traceback__
    while step is not None:
        if step.tb_frame.f_globals.get("__name__") == "own_tools":
            place = f" (line {step.tb_lineno})"
        step = step.tb_next
    return place


def _say(descriptor: int, answer: dict[str, Any]) -> None:
    rest = json.dumps(answer).encode("ascii") + b"\n"
    while rest:
        rest = rest[os.write(descriptor, rest) :]


if __name__ == "__main__":
    main()
