"""A person's tools run behind walls: whatever one does ends as text or as a reason, and the next call
works."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from factory.errors import FactoryError
from factory.tools.errors import ToolError
from factory.tools.sandbox import CustomTools, Limits
from tests.support.custom_tools import LIMITS, SHORT, reason, specs


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("nested", '{"a":null,"z":[1,{"é":"火"}]}'),
        ("words", "plain \n text"),
        ("noisy", "quiet"),
        ("loads", '["Asia/Tokyo",42]'),
    ],
)
def test_results(tools: CustomTools, name: str, result: str) -> None:
    assert tools.run(name, {}) == result


def test_every_wall_of_this_kernel_stands(tools: CustomTools) -> None:
    assert {"limits", "audit"} <= set(tools.walls)
    if sys.platform == "linux" and os.uname().machine == "x86_64":
        assert "seccomp" in tools.walls


def test_the_child_is_warm_until_it_dies(own: CustomTools) -> None:
    assert [own.run("counted", {}) for _ in range(3)] == ["1", "2", "3"]
    assert reason(own, "divides") == "raised"
    assert own.run("counted", {}) == "4"
    assert reason(own, "leave") == "crashed"
    assert own.run("counted", {}) == "1"


def test_nothing_of_this_process_is_seen(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("TEACHER_KEY", "secret")
    with CustomTools(file, specs(), LIMITS) as own:
        seen = json.loads(own.run("environment", {}))
        folder = Path(own.run("folder", {}))
        assert folder.is_dir() and not any(folder.iterdir())
    assert not {"TEACHER_KEY", "PATH", "HOME"} & set(seen)
    assert not folder.exists()


def test_the_order_of_a_set_is_the_same_in_every_child(own: CustomTools) -> None:
    first = own.run("order", {})
    assert reason(own, "leave") == "crashed"
    assert own.run("order", {}) == first


HOSTILE = {
    "out_of_memory": ["bomb", "swelling"],
    "refused": [
        *("read_passwd", "read_parent", "read_by_link", "list_root", "write_here", "make_folder", "fetch"),
        *(
            "sock",
            "resolve",
            "fork",
            "shell",
            "run",
            "execute",
            "spawn",
            "kill_parent",
            "kill_self",
            "more_memory",
        ),
    ],
    "crashed": ["signalled", "abort", "fault", "leave", "shut"],
    "raised": ["leaves", "divides", "recurses", "interrupted", "nameless", "hidden"],
    "bad_result": [
        "nan",
        "infinite",
        "huge",
        "huge_list",
        "strange",
        "function",
        "surrogate",
        "loop_list",
        "nest",
        "forged",
        "flood",
    ],
}


@pytest.mark.parametrize(
    ("name", "expected"), [(name, expected) for expected, names in HOSTILE.items() for name in names]
)
def test_hostile_tools_end_with_their_reason_and_the_next_call_works(
    tools: CustomTools, name: str, expected: str
) -> None:
    assert reason(tools, name) == expected


def test_what_takes_too_long_is_stopped_and_the_next_call_works(file: Path) -> None:
    with CustomTools(file, specs(), SHORT) as own:
        for name in ("loop", "waits", "deaf", "stuck"):
            assert reason(own, name) == "timed_out"


def test_the_kernel_bounds_memory_and_cpu_time_even_if_this_process_stops(own: CustomTools) -> None:
    child = psutil.Process(int(own.run("who", {})))
    assert child.rlimit(psutil.RLIMIT_AS) == (256 << 20, 256 << 20)
    assert (
        LIMITS.seconds
        <= child.rlimit(psutil.RLIMIT_CPU)[0]
        <= sum(child.cpu_times()[:2]) + LIMITS.seconds + 2
    )


@pytest.mark.parametrize("name", ["temporary", "thread"])
def test_what_a_library_gives_up_silently_is_not_done(tools: CustomTools, name: str) -> None:
    assert reason(tools, name) in (
        "refused",
        "raised",
    )  # by version of Python, the refusal reaches us or is swallowed on the way


@pytest.mark.parametrize("name", ["write_there", "low_write", "remove", "rename", "chmod"])
def test_files_stay_as_they_are(tools: CustomTools, tmp_path: Path, name: str) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("kept")
    mode = path.stat().st_mode
    assert reason(tools, name, path=str(path)) == "refused"
    assert (path.read_text(), path.stat().st_mode, os.listdir(tmp_path)) == ("kept", mode, ["kept.txt"])


def test_the_kernel_refuses_what_goes_round_python(tools: CustomTools, tmp_path: Path) -> None:
    if not {"seccomp", "landlock"} <= set(tools.walls):
        pytest.skip(f"this kernel gives only {tools.walls}")
    path = tmp_path / "kept.txt"
    path.write_text("kept")
    assert tools.run("by_libc", {"path": str(path)}) == "[]"
    assert (path.read_text(), os.listdir(tmp_path)) == ("kept", ["kept.txt"])


def test_a_child_killed_from_outside_is_replaced(own: CustomTools) -> None:
    pid = int(own.run("who", {}))
    os.kill(pid, signal.SIGKILL)
    psutil.Process(pid).wait(10)
    assert int(own.run("who", {})) != pid


def test_faults_name_the_line_of_the_persons_file(tools: CustomTools) -> None:
    with pytest.raises(ToolError, match=r"ZeroDivisionError.*\(line \d+\)"):
        tools.run("divides", {})


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("os", {}, "unknown_tool"),
        ("__import__", {"name": "os"}, "unknown_tool"),
        ("add", {"a": 1}, "bad_arguments"),
        ("add", {"a": 1, "b": 2, "c": 3}, "bad_arguments"),
        ("add", {"a": 1, "b": float("nan")}, "bad_arguments"),
        ("remove", {"path": "x" * 10_000_000}, "too_long"),
    ],
)
def test_calls_that_do_not_fit_never_reach_the_child(
    tools: CustomTools, name: str, arguments: dict[str, Any], expected: str
) -> None:
    assert reason(tools, name, **arguments) == expected


def test_close_ends_the_child(file: Path) -> None:
    own = CustomTools(file, specs(), LIMITS)
    pid = int(own.run("who", {}))
    own.close()
    assert not psutil.pid_exists(pid)
    own.close()


def test_the_child_ends_when_nobody_can_ask_it(file: Path) -> None:
    own = CustomTools(file, specs(), LIMITS)
    pid, folder = int(own.run("who", {})), Path(own.run("folder", {}))
    own.itself = own  # type: ignore[attr-defined]
    del own
    gc.collect()
    assert not psutil.pid_exists(pid) and not folder.exists()


def test_the_child_dies_with_its_parent(file: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom factory.tools.sandbox import *\n"
        "from factory.tools.spec import ToolSpec\n"
        "specs = [ToolSpec.model_validate({'type': 'function', 'function': "
        "{'name': name, 'description': 'x', 'parameters':"
        " {'type': 'object'}}}) for name in ('who', 'waits')]\n"
        "own = CustomTools(Path(sys.argv[1]), specs, Limits(seconds=600))\n"
        "print(own.run('who', {}), flush=True)\nown.run('waits', {})\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(file)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 30
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        os.sched_yield()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_too_little_memory_to_start_is_told(file: Path) -> None:
    # The limit falls on a process that has begun: how far it gets is a matter of its free memory.
    with pytest.raises(FactoryError, match="could be started|asked for more memory than it may have"):
        CustomTools(file, specs(), Limits(memory_mb=8))
