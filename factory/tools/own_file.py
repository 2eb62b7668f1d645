"""Static check of a user's Python file of tools, without running it.

Promise: `read_own_file` returns the source, or raises one `InputError` that names every fault with file and
line: the file parses, defines a plain function of each tool's name at its top level (with `_` for a hyphen),
and each takes the arguments that the tool's schema allows. Not promised: that it works.
"""

import ast
import warnings
from pathlib import Path

from factory.errors import InputError
from factory.tools.spec import ToolSpec

MAX_BYTES = 1 << 20
_FORM = (
    "A file of tools defines one function for each tool, of the tool's name, "
    "that takes the arguments by their names, or as **arguments where a name is none of Python's."
)


def require_own_names(path: Path, specs: list[ToolSpec]) -> None:
    """Raise InputError for tools that one function would have to carry out."""
    names: dict[str, list[str]] = {}
    for spec in specs:
        names.setdefault(spec.python_name, []).append(spec.name)
    faults = [
        f"{path}: the tools {' and '.join(tools)} would both be the function {name!r}"
        for name, tools in names.items()
        if len(tools) > 1
    ]
    if faults:
        raise InputError("\n".join(faults), "Rename one of them in the tools file: a dash is _ in Python.")


def read_own_file(path: Path, specs: list[ToolSpec]) -> str:
    """Return the source of a file that defines the functions of `specs`."""
    require_own_names(path, specs)
    source = _source(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the person's strings
            tree = ast.parse(source)
    except SyntaxError as error:
        raise InputError(f"{path}:{error.lineno or 1}: not valid Python: {error.msg}", _FORM) from None
    except (ValueError, RecursionError, MemoryError):
        raise InputError(
            f"{path}:1: not valid Python: nested too deeply, or with null characters in it", _FORM
        ) from None
    functions = {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    faults: list[str] = []
    for spec in specs:
        function = functions.get(spec.python_name)
        if function is None:
            faults.append(f"{path}:1: no function {spec.python_name!r} is defined at the top level")
        else:
            faults += [
                f"{path}:{function.lineno}: {function.name} {fault}" for fault in _faults(function, spec)
            ]
    if faults:
        raise InputError("\n".join(faults), _FORM)
    return source


def _source(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES >> 20} MB", _FORM)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", _FORM) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: not UTF-8", _FORM) from None


def _faults(function: ast.FunctionDef | ast.AsyncFunctionDef, spec: ToolSpec) -> list[str]:
    if isinstance(function, ast.AsyncFunctionDef):
        return ["is `async`: write a plain function"]
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    optional = {argument.arg for argument in positional[len(positional) - len(given.defaults) :]}
    optional |= {
        argument.arg
        for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if default is not None
    }
    known = {argument.arg for argument in (*given.args, *given.kwonlyargs)}
    always = {argument.arg for argument in (*positional, *given.kwonlyargs)} - optional
    schema = spec.function.parameters
    faults = [
        f"does not take the argument {name!r} of its schema"
        for name in schema.get("properties", {})
        if name not in known
    ]
    faults = [] if given.kwarg else faults
    required = set(schema.get("required", []))
    return faults + [
        f"needs the argument {name!r}, which its schema does not require"
        for name in sorted(always - required)
    ]
