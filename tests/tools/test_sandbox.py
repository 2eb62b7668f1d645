"""A person's tools run behind walls: whatever one does ends as text or as a reason, and the next call works."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from factory.errors import FactoryError, InputError
from factory.tools.errors import ToolError
from factory.tools.sandbox import Limits, OwnTools
from factory.tools.spec import ToolSpec

pytestmark = pytest.mark.thorough


SOURCE = """
import ctypes, gc, json, os, resource, signal, subprocess, sys, threading
def add(a, b): return a + b
def nested(): return {"z": [1, {"é": "火"}], "a": None}
def words(): return "plain \\n text"
def counted():
    counted.calls = getattr(counted, "calls", 0) + 1
    return counted.calls
def who(): return os.getpid()
def environment(): return dict(os.environ)
def folder(): return os.getcwd()
def order(): return list({"a", "b", "c", "d", "e", "f"})
def noisy():
    print("x" * 100_000); sys.stderr.write("y" * 100_000); os.write(1, b"z"); os.write(2, b"z")
    return "quiet"
def loads():
    import decimal, statistics, sqlite3, zoneinfo
    return [str(zoneinfo.ZoneInfo("Asia/Tokyo")), sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0]]

def loop():
    while True: pass
def waits():
    import time; time.sleep(1000)
def deaf():
    for number in (signal.SIGXCPU, signal.SIGTERM, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
    while True:
        try: loop()
        except BaseException: pass
def stuck(): return len(str(7 ** (5 * 10**8)))

def bomb(): return "x" * (1 << 40)
def swelling():
    kept = []
    while True: kept.append(bytes(1 << 20))
def nest():
    value = []
    for _ in range(10**6): value = [value]
    return value

def read_passwd(): return open("/etc/passwd").read()
def read_parent(): return open(f"/proc/{os.getppid()}/environ").read()
def read_by_link(): return open("/proc/self/root/etc/passwd").read()
def list_root(): return os.listdir("/")
def write_here(): open("note.txt", "w").write("x")
def write_there(path): open(path, "a").write("x")
def low_write(path): os.open(path, os.O_CREAT | os.O_WRONLY)
def remove(path): os.remove(path)
def rename(path): os.rename(path, path + "2")
def chmod(path): os.chmod(path, 0o777)
def make_folder(): os.mkdir("x")
def temporary():
    import tempfile; tempfile.TemporaryFile()
def sock():
    import socket; socket.create_connection(("127.0.0.1", 9), 1)
def resolve():
    import socket; socket.getaddrinfo("example.org", 80)
def fetch():
    import urllib.request; urllib.request.urlopen("http://127.0.0.1:9")
def fork(): return os.fork()
def shell(): return os.system("true")
def run(): subprocess.run(["true"])
def execute(): os.execv(sys.executable, [sys.executable, "-c", "1"])
def spawn(): os.posix_spawn("/bin/true", ["true"], {})
def thread(): threading.Thread(target=print).start()
def kill_parent(): os.kill(os.getppid(), signal.SIGKILL)
def kill_self(): os.kill(os.getpid(), signal.SIGKILL)
def more_memory(): resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)

def signalled(): signal.raise_signal(signal.SIGKILL)
def abort(): os.abort()
def fault(): ctypes.string_at(0)
def leave(): os._exit(0)
def shut(): os.closerange(0, 64); return 1

def leaves(): sys.exit(3)
def divides(): return 1 / 0
def recurses(): return recurses()
def interrupted(): raise KeyboardInterrupt
def nameless():
    class Evil(Exception):
        def __str__(self): raise SystemExit
    raise Evil
def hidden(): raise ValueError("\\x1b[2J\\u202e \\ud800")

def nan(): return float("nan")
def infinite(): return [1, float("inf")]
def huge(): return "x" * 10_000_000
def huge_list(): return list(range(100_000))
def strange(): return {1, 2}
def function(): return print
def surrogate(): return "\\ud800"
def loop_list():
    value = []; value.append(value); return value
def forged():
    for descriptor in range(3, 20):
        try: os.write(descriptor, b'{"id": 1, "text": "forged"}\\n')
        except OSError: pass
    return "true"
def flood():
    while True:
        for descriptor in range(3, 20):
            try: os.write(descriptor, b"x" * 4096)
            except OSError: pass

def by_libc(path):
    libc = ctypes.CDLL(None, use_errno=True)
    name = path.encode()
    calls = {
        "socket": (2, 1, 0), "socketpair": (1, 1, 0, b"12345678"), "fork": (), "vfork": (), "kill": (os.getppid(), 9),
        "open": (name, os.O_WRONLY | os.O_CREAT, 0o644), "creat": (name, 0o644), "unlink": (name,), "rename": (name, name + b"2"),
        "truncate": (name, 0), "chmod": (name, 0o777), "mkdir": (name + b"3", 0o777), "symlink": (name, name + b"4"),
        "utimes": (name, None), "setxattr": (name, b"user.a", b"b", 1, 0), "memfd_create": (b"x", 0), "execv": (b"/bin/true", None),
        "unshare": (0x20000000,), "mount": (b"none", b"/tmp", b"tmpfs", 0, None), "ptrace": (16, os.getppid(), 0, 0),
        "prctl": (1, 0), "prlimit": (os.getppid(), 0, b"1234567812345678", None), "shmget": (1234, 4096, 0o1777),
    }
    done = [call for call, arguments in calls.items() if getattr(libc, call)(*arguments) != -1]
    done += [name for name in ("/etc/passwd", "/proc/self/environ", path) if libc.open(name.encode(), 0) != -1]
    io_uring, openat2, clone3 = (libc.syscall(number, 8, b"\\0" * 200, 24, 24) for number in (425, 437, 435))
    return done + [number for number in (io_uring, openat2, clone3) if number != -1]
"""

NAMES = [line.removeprefix("def ").split("(")[0] for line in SOURCE.splitlines() if line.startswith("def ")]
LIMITS = Limits(seconds=30)  # of what is meant to end by itself, however busy the machine is
SHORT = Limits(seconds=2)


def spec(name: str, **properties: Any) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": sorted(properties), "additionalProperties": False}
    return ToolSpec.model_validate({"type": "function", "function": {"name": name, "description": "Does it.", "parameters": schema}})


def specs() -> list[ToolSpec]:
    with_path = [name for name in NAMES if f"def {name}(path)" in SOURCE]
    plain = [name for name in NAMES if f"def {name}()" in SOURCE]
    return [
        spec("add", a={"type": "number"}, b={"type": "number"}),
        *(spec(name, path={"type": "string"}) for name in with_path),
        *(spec(name) for name in plain),
    ]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "tools.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tools(file: Path) -> Iterator[OwnTools]:
    with OwnTools(file, specs(), LIMITS) as own:
        yield own


@pytest.fixture
def own(file: Path) -> Iterator[OwnTools]:
    with OwnTools(file, specs(), LIMITS) as own:
        yield own


def reason(tools: OwnTools, name: str, /, **arguments: Any) -> str:
    with pytest.raises(ToolError) as caught:
        tools.run(name, arguments)
    caught.value.message.encode("utf-8")
    assert tools.run("add", {"a": 2, "b": 3}) == "5"
    return caught.value.reason


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("nested", '{"a":null,"z":[1,{"é":"火"}]}'),
        ("words", "plain \n text"),
        ("noisy", "quiet"),
        ("loads", '["Asia/Tokyo",42]'),
    ],
)
def test_results(tools: OwnTools, name: str, result: str) -> None:
    assert tools.run(name, {}) == result


def test_every_wall_of_this_kernel_stands(tools: OwnTools) -> None:
    assert {"limits", "audit"} <= set(tools.walls)
    if sys.platform == "linux" and os.uname().machine == "x86_64":
        assert "seccomp" in tools.walls


def test_the_child_is_warm_until_it_dies(own: OwnTools) -> None:
    assert [own.run("counted", {}) for _ in range(3)] == ["1", "2", "3"]
    assert reason(own, "divides") == "raised"
    assert own.run("counted", {}) == "4"
    assert reason(own, "leave") == "crashed"
    assert own.run("counted", {}) == "1"


def test_nothing_of_this_process_is_seen(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("TEACHER_KEY", "secret")
    with OwnTools(file, specs(), LIMITS) as own:
        seen = json.loads(own.run("environment", {}))
        folder = Path(own.run("folder", {}))
        assert folder.is_dir() and not any(folder.iterdir())
    assert not {"TEACHER_KEY", "PATH", "HOME"} & set(seen)
    assert not folder.exists()


def test_the_order_of_a_set_is_the_same_in_every_child(own: OwnTools) -> None:
    first = own.run("order", {})
    assert reason(own, "leave") == "crashed"
    assert own.run("order", {}) == first


HOSTILE = {
    "out_of_memory": ["bomb", "swelling"],
    "refused": [
        *("read_passwd", "read_parent", "read_by_link", "list_root", "write_here", "make_folder", "fetch"),
        *("sock", "resolve", "fork", "shell", "run", "execute", "spawn", "kill_parent", "kill_self", "more_memory"),
    ],
    "crashed": ["signalled", "abort", "fault", "leave", "shut"],
    "raised": ["leaves", "divides", "recurses", "interrupted", "nameless", "hidden"],
    "bad_result": ["nan", "infinite", "huge", "huge_list", "strange", "function", "surrogate", "loop_list", "nest", "forged", "flood"],
}


@pytest.mark.parametrize(("name", "expected"), [(name, expected) for expected, names in HOSTILE.items() for name in names])
def test_hostile_tools_end_with_their_reason_and_the_next_call_works(tools: OwnTools, name: str, expected: str) -> None:
    assert reason(tools, name) == expected


def test_what_takes_too_long_is_stopped_and_the_next_call_works(file: Path) -> None:
    with OwnTools(file, specs(), SHORT) as own:
        for name in ("loop", "waits", "deaf", "stuck"):
            assert reason(own, name) == "timed_out"


def test_the_kernel_bounds_memory_and_cpu_time_even_if_this_process_stops(own: OwnTools) -> None:
    child = psutil.Process(int(own.run("who", {})))
    assert child.rlimit(psutil.RLIMIT_AS) == (256 << 20, 256 << 20)
    assert LIMITS.seconds <= child.rlimit(psutil.RLIMIT_CPU)[0] <= sum(child.cpu_times()[:2]) + LIMITS.seconds + 2


@pytest.mark.parametrize("name", ["temporary", "thread"])
def test_what_a_library_gives_up_silently_is_not_done(tools: OwnTools, name: str) -> None:
    assert reason(tools, name) in ("refused", "raised")  # by version of Python, the refusal reaches us or is swallowed on the way


@pytest.mark.parametrize("name", ["write_there", "low_write", "remove", "rename", "chmod"])
def test_files_stay_as_they_are(tools: OwnTools, tmp_path: Path, name: str) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("kept")
    mode = path.stat().st_mode
    assert reason(tools, name, path=str(path)) == "refused"
    assert (path.read_text(), path.stat().st_mode, os.listdir(tmp_path)) == ("kept", mode, ["kept.txt"])


def test_the_kernel_refuses_what_goes_round_python(tools: OwnTools, tmp_path: Path) -> None:
    if not {"seccomp", "landlock"} <= set(tools.walls):
        pytest.skip(f"this kernel gives only {tools.walls}")
    path = tmp_path / "kept.txt"
    path.write_text("kept")
    assert tools.run("by_libc", {"path": str(path)}) == "[]"
    assert (path.read_text(), os.listdir(tmp_path)) == ("kept", ["kept.txt"])


def test_a_child_killed_from_outside_is_replaced(own: OwnTools) -> None:
    pid = int(own.run("who", {}))
    os.kill(pid, signal.SIGKILL)
    psutil.Process(pid).wait(10)
    assert int(own.run("who", {})) != pid


def test_faults_name_the_line_of_the_persons_file(tools: OwnTools) -> None:
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
def test_calls_that_do_not_fit_never_reach_the_child(tools: OwnTools, name: str, arguments: dict[str, Any], expected: str) -> None:
    assert reason(tools, name, **arguments) == expected


def test_close_ends_the_child(file: Path) -> None:
    own = OwnTools(file, specs(), LIMITS)
    pid = int(own.run("who", {}))
    own.close()
    assert not psutil.pid_exists(pid)
    own.close()


def test_the_child_dies_with_its_parent(file: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom factory.tools.sandbox import *\nfrom factory.tools.spec import ToolSpec\n"
        "specs = [ToolSpec.model_validate({'type': 'function', 'function': {'name': name, 'description': 'x', 'parameters':"
        " {'type': 'object'}}}) for name in ('who', 'waits')]\n"
        "own = OwnTools(Path(sys.argv[1]), specs, Limits(seconds=600))\nprint(own.run('who', {}), flush=True)\nown.run('waits', {})\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(file)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 30
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        os.sched_yield()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("source", "place", "why"),
    [
        ("def add(a, b:\n", ":1:", "not valid Python"),
        ("\n\ndef add(a, b):\nreturn 1", ":4:", "not valid Python"),
        ("x = '\0'", ":1:", "not valid Python"),
        ("(" * 100_000, ":1:", "not valid Python"),
        ("x = 1", ":1:", "no function 'add'"),
        ("class T:\n    def add(self, a, b): pass", ":1:", "no function 'add'"),
        ("\nasync def add(a, b): pass", ":2:", "async"),
        ("\ndef add(a): pass", ":2:", "argument 'b'"),
        ("def add(a, b, /): pass", ":1:", "argument 'a'"),
        ("def add(a, b, c): pass", ":1:", "'c', which its schema does not require"),
        ("def add(a, b, *, c): pass", ":1:", "'c', which its schema does not require"),
    ],
)
def test_a_file_that_cannot_hold_the_tools_is_refused_unrun(tmp_path: Path, source: str, place: str, why: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(source)
    with pytest.raises(InputError) as caught:
        OwnTools(path, [spec("add", a={}, b={})], LIMITS)
    assert f"{path}{place}" in caught.value.message
    assert why in caught.value.message


@pytest.mark.parametrize("content", [None, b"\xff", b"#" * (1 << 21)])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "own.py"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"own\.py"):
        OwnTools(path, [spec("add", a={}, b={})], LIMITS)


@pytest.mark.parametrize("line", ["1 / 0", "open('/etc/passwd')", "while True: pass", "import os; os._exit(1)", "raise SystemExit"])
def test_a_file_that_cannot_be_loaded_is_the_persons_to_mend(tmp_path: Path, line: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(f"def add(a, b): return a\n{line}\n")
    with pytest.raises(InputError, match="cannot be loaded"):
        OwnTools(path, [spec("add", a={}, b={})], SHORT)


def test_functions_with_defaults_and_keywords_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text("def add(a, b=2, *, c=3, **rest): return [a, b, c, rest]\n")
    with OwnTools(path, [spec("add", a={}, d={})], LIMITS) as own:
        assert own.run("add", {"a": 1, "d": 4}) == '[1,2,3,{"d":4}]'


def test_too_little_memory_to_start_is_told(file: Path) -> None:
    with pytest.raises(FactoryError, match="could be started"):
        OwnTools(file, specs(), Limits(memory_mb=8))


def test_the_source_id_follows_the_source(tmp_path: Path) -> None:
    ids = set()
    for number in (1, 2, 1):
        path = tmp_path / f"own{number}.py"
        path.write_text(f"def add(a, b): return {number}\n")
        with OwnTools(path, [spec("add", a={}, b={})], LIMITS) as own:
            ids.add(own.source_id)
    assert len(ids) == 2
