"""Sandboxed execution of user tools in a locked-down child process.

Promise: the person's file never runs in this process. Its functions run in one warm child, behind the walls
of `factory.tools.jail` (the ones in force are in `walls`), with nothing of this process's
environment, in an empty folder, within `Limits`; the child dies with this process, and is replaced when it
has died or was killed. Whatever happens in it, a call gives text or a `ToolError`:

`timed_out` (wall or CPU time), `out_of_memory`, `crashed` (the process ended), `refused` (a file, the
network, a process: what the walls keep out), `bad_result` (neither text nor JSON, or too long), `raised` (any
other exception, SystemExit among them).

Not promised: that a tool is a function of its arguments. The child is warm, so what one call leaves in a
global the next one finds.
"""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from factory.errors import FactoryError, InputError
from factory.system.digest import bytes_id
from factory.text.visible import escape_hidden, truncate
from factory.tools.arguments import fit_numbers
from factory.tools.errors import Reason, ToolError
from factory.tools.own_file import read_own_file
from factory.tools.sandbox_child import MAX_RESULT
from factory.tools.spec import ToolSpec

START_SECONDS = 60.0  # Python's own start, on a machine with no core to spare
MAX_ARGUMENTS = 256 * 1024  # bytes of a call
_MAX_LINE = 12 * MAX_RESULT + 4096  # JSON in ASCII writes a character in up to twelve
_REASONS: dict[str, Reason] = {
    "out_of_memory": "out_of_memory",
    "refused": "refused",
    "bad_result": "bad_result",
    "raised": "raised",
}
_ROOT = Path(__file__).resolve().parents[2]
_START = "import sys; sys.path.insert(0, sys.argv[3]); from factory.tools.sandbox_child import main; main()"
# The order of a set of strings must not change from one child to the next, and number libraries must not try
# to start threads.
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Limits:
    """What one call may use: seconds of wall time, and of CPU time; megabytes (2**20 bytes) of address space,
    Python's own among them."""

    seconds: float = 5.0
    memory_mb: int = 256


class CustomTools:
    """The tools of one file. Close it, or use it as a context manager, and the child ends then; otherwise
    when nothing refers to this any more. Calls from several threads wait for each other.

    The child also dies when the thread that made it ends: make it in one that outlives the calls.
    """

    def __init__(self, file: Path, specs: list[ToolSpec], limits: Limits = Limits()):
        """Check the file, then load it in a child; InputError names file and line, FactoryError says that no
        child can be started."""
        self._source = read_own_file(file, specs)
        self._file = file
        self._specs = {spec.name: spec for spec in specs}
        self._limits = limits
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self.walls: tuple[str, ...] = ()
        try:
            self._loaded()
        except ToolError as error:
            raise InputError(
                f"{file}: cannot be loaded: {error.message}",
                "The file runs in a sandbox: no network, no files.",
            ) from None

    @property
    def source_id(self) -> str:
        """The content id of the source: verdicts and samples made with other code have another."""
        return bytes_id(self._source.encode("utf-8"))

    def run(self, name: str, arguments: dict[str, Any]) -> str:
        """Return the result of one call as text, a JSON value in canonical form; raise ToolError."""
        spec = self._specs.get(name)
        if spec is None:
            raise ToolError(
                "unknown_tool",
                escape_hidden(
                    truncate(f"there is no tool {name!r}; there is: {', '.join(sorted(self._specs))}", 400)
                ),
            )
        if faults := spec.check_arguments(arguments):
            raise ToolError("bad_arguments", escape_hidden(truncate("; ".join(faults), 400)))
        fitted = fit_numbers(arguments, spec.function.parameters)
        with self._lock:
            child = self._loaded()
            try:
                return child.ask({"name": spec.python_name, "arguments": fitted}, self._limits.seconds)
            finally:
                if child.spent:
                    self._drop()

    def close(self) -> None:
        """End the child; a later call would start another."""
        with self._lock:
            self._drop()

    def __enter__(self) -> "CustomTools":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _loaded(self) -> "_Child":
        if self._child is not None and self._child.alive:
            return self._child
        self._drop()
        self._child = _Child(self._limits.memory_mb << 20)
        self.walls = self._child.walls
        try:
            self._child.ask({"source": self._source, "file": str(self._file)}, self._limits.seconds)
        except ToolError:
            self._drop()
            raise
        return self._child

    def _drop(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child:
    """One process. `spent` says that it must not be asked again."""

    def __init__(self, memory: int):
        self.spent = False
        self._asked = 0
        self._folder = tempfile.TemporaryDirectory(prefix="own-tools-")
        with tempfile.TemporaryFile() as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-c", _START, str(memory), str(os.getpid()), str(_ROOT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=_ENVIRONMENT,
                cwd=self._folder.name,
                start_new_session=True,  # Ctrl-C is for the factory
            )
            # A search makes a context for every trial; what asks may be gone before this process is.
            self._finish = weakref.finalize(self, _end, self._process, self._folder)
            assert self._process.stdin is not None and self._process.stdout is not None
            self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
            os.set_blocking(self._to, False)
            try:
                self.walls = tuple(map(str, self._answer(0, time.monotonic() + START_SECONDS)["walls"]))
            except (ToolError, KeyError, TypeError):
                self.end()
                output.seek(max(0, output.seek(0, os.SEEK_END) - 2000))
                lines = output.read().decode("utf-8", "replace").strip().splitlines()
                why = lines[-1] if lines else "it printed no message"
                raise FactoryError(
                    f"no process for the tools could be started: {escape_hidden(why)}",
                    "Give the tools more memory_mb.",
                ) from None

    @property
    def alive(self) -> bool:
        return not self.spent and self._process.poll() is None

    def ask(self, request: dict[str, Any], seconds: float) -> str:
        """Return the text that answers a request; raise ToolError."""
        self._asked += 1
        try:
            line = json.dumps({"id": self._asked, **request}, allow_nan=False).encode("ascii") + b"\n"
        except (TypeError, ValueError, RecursionError) as error:
            raise ToolError(
                "bad_arguments", f"the arguments are not JSON: {escape_hidden(str(error))}"
            ) from None
        if "arguments" in request and len(line) > MAX_ARGUMENTS:
            raise ToolError("too_long", f"the arguments take more than {MAX_ARGUMENTS} bytes")
        deadline = time.monotonic() + seconds
        self._allow_cpu(seconds)
        self.spent = True  # until it has answered as it should
        self._send(line, deadline)
        answer = self._answer(self._asked, deadline)
        match answer:
            case {"text": str(text)} if len(text) <= MAX_RESULT and not any(
                "\ud800" <= character <= "\udfff" for character in text
            ):
                self.spent = False
                return text
            case {"reason": str(reason), "message": str(message)} if reason in _REASONS:
                # After running out of memory the state of the process is undefined.
                self.spent = reason == "out_of_memory"
                raise ToolError(_REASONS[reason], escape_hidden(truncate(message, 600)))
        raise ToolError("bad_result", "the process answered with something that is no result")

    def end(self) -> None:
        """Kill the process and wait for it."""
        self.spent = True
        self._finish()

    def _allow_cpu(self, seconds: float) -> None:
        """Set the limit of CPU time to what is spent and `seconds`, rounded up: the kernel counts a process's
        whole life."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
            used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            hard = resource.prlimit(self._process.pid, resource.RLIMIT_CPU)[1]
            resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (int(used + seconds) + 2, hard))
        except (OSError, ValueError):
            pass  # it has died, which `_answer` will report; the wall clock holds in any case

    def _send(self, data: bytes, deadline: float) -> None:
        while data:
            if not _ready(self._to, select.POLLOUT, deadline):
                raise self._stopped()
            try:
                data = data[os.write(self._to, data) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return  # the answer, or the end of the pipe, shows why

    def _answer(self, number: int, deadline: float) -> dict[str, Any]:
        output = b""
        while not output.endswith(b"\n"):
            if not _ready(self._from, select.POLLIN, deadline):
                raise self._stopped()
            part = os.read(self._from, 65536)
            if not part:
                raise self._ended()
            output += part
            if len(output) > _MAX_LINE:
                raise ToolError("bad_result", "the process wrote more than a result may have")
        try:
            answer = json.loads(output)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or answer.get("id") != number:
            raise ToolError("bad_result", "the tool wrote where its process answers")
        return answer

    def _stopped(self) -> ToolError:
        self._process.kill()
        return ToolError("timed_out", "the tool took longer than it may, and was stopped")

    def _ended(self) -> ToolError:
        # The pipe can close a moment before the process is gone; one that only closed the pipe has to be
        # killed.
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return ToolError("crashed", "the tool closed the pipe to its process")
        if code == -signal.SIGXCPU:
            return ToolError("timed_out", "the tool took more CPU time than it may, and was stopped")
        how = (
            f"was ended by {signal.Signals(-code).name}"
            if code < 0
            else f"ended by itself with exit code {code}"
        )
        return ToolError("crashed", f"the process of the tool {how}")


def _end(process: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    folder.cleanup()


def _ready(descriptor: int, event: int, deadline: float) -> bool:
    # Not select(), which is limited to descriptors up to 1023.
    poll = select.poll()
    poll.register(descriptor, event)
    return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
