"""A person's tools of every sort, well-meant and hostile, for the tests of the walls that they run behind."""

from typing import Any

import pytest

from factory.tools.errors import ToolError
from factory.tools.sandbox import CustomTools, Limits
from factory.tools.spec import ToolSpec

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
    rows = sqlite3.connect(":memory:").execute("select 6 * 7")
    return [str(zoneinfo.ZoneInfo("Asia/Tokyo")), rows.fetchone()[0]]

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
        "socket": (2, 1, 0), "socketpair": (1, 1, 0, b"12345678"), "fork": (), "vfork": (),
        "kill": (os.getppid(), 9),
        "open": (name, os.O_WRONLY | os.O_CREAT, 0o644), "creat": (name, 0o644), "unlink": (name,),
        "rename": (name, name + b"2"),
        "truncate": (name, 0), "chmod": (name, 0o777), "mkdir": (name + b"3", 0o777),
        "symlink": (name, name + b"4"),
        "utimes": (name, None), "setxattr": (name, b"user.a", b"b", 1, 0), "memfd_create": (b"x", 0),
        "execv": (b"/bin/true", None),
        "unshare": (0x20000000,), "mount": (b"none", b"/tmp", b"tmpfs", 0, None),
        "ptrace": (16, os.getppid(), 0, 0),
        "prctl": (1, 0), "prlimit": (os.getppid(), 0, b"1234567812345678", None),
        "shmget": (1234, 4096, 0o1777),
    }
    done = [call for call, arguments in calls.items() if getattr(libc, call)(*arguments) != -1]
    files = ("/etc/passwd", "/proc/self/environ", path)
    done += [name for name in files if libc.open(name.encode(), 0) != -1]
    io_uring, openat2, clone3 = (libc.syscall(number, 8, b"\\0" * 200, 24, 24) for number in (425, 437, 435))
    return done + [number for number in (io_uring, openat2, clone3) if number != -1]
"""

NAMES = [line.removeprefix("def ").split("(")[0] for line in SOURCE.splitlines() if line.startswith("def ")]
LIMITS = Limits(seconds=30)  # of what is meant to end by itself, however busy the machine is
SHORT = Limits(seconds=2)


def spec(name: str, **properties: Any) -> ToolSpec:
    schema = {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }
    return ToolSpec.model_validate(
        {"type": "function", "function": {"name": name, "description": "Does it.", "parameters": schema}}
    )


def specs() -> list[ToolSpec]:
    with_path = [name for name in NAMES if f"def {name}(path)" in SOURCE]
    plain = [name for name in NAMES if f"def {name}()" in SOURCE]
    return [
        spec("add", a={"type": "number"}, b={"type": "number"}),
        *(spec(name, path={"type": "string"}) for name in with_path),
        *(spec(name) for name in plain),
    ]


def reason(tools: CustomTools, name: str, /, **arguments: Any) -> str:
    with pytest.raises(ToolError) as caught:
        tools.run(name, arguments)
    caught.value.message.encode("utf-8")
    assert tools.run("add", {"a": 2, "b": 3}) == "5"
    return caught.value.reason
