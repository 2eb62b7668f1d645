"""Limits of a container or a login: how much of the machine's memory and cores this process may use.

Promise: the least of what its control groups allow, from its own up to the root, of either version or of both
at once, and of memory also what `ulimit -v` allows; no limit where there is none or it cannot be read. Above
`memory.high` a process is slowed down to a halt, so that is a limit, too. Documented in the kernel's
`admin-guide/cgroup-v2.rst` and `cgroup-v1/memory.rst`.
"""

import math
import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_USED = {
    "memory.max": "memory.current",
    "memory.high": "memory.current",
    "memory.limit_in_bytes": "memory.usage_in_bytes",
}
STATE = Path("/proc/self/statm")


def memory_limit() -> float:
    """Return how many bytes of memory this process may use, infinity where nothing limits it."""
    return min([_address_space(), *map(_number, _memory_files())])


def memory_left() -> float:
    """Return how many bytes are left below the limit; what the kernel only keeps of files is left, too."""
    left = math.inf
    with suppress(OSError, ValueError, IndexError):
        mapped = int(STATE.read_text().split()[0]) * resource.getpagesize()
        left = _address_space() - mapped
    for path in _memory_files():
        used = _number(path.with_name(_USED[path.name]))
        if math.isfinite(used):
            left = min(left, _number(path) - used + _cached(path.with_name("memory.stat")))
    return max(0.0, left)


def cores() -> int:
    """Return how many cores this process may keep busy, at least one: those it may run on, or fewer where
    its time is limited."""
    shares = [float(len(os.sched_getaffinity(0)))]
    for path in _files("cpu", "cpu.max", "cpu.cfs_quota_us"):
        with suppress(OSError, ValueError, ZeroDivisionError):
            if path.name == "cpu.max":
                quota, period = path.read_text().split()
            else:
                quota, period = path.read_text(), path.with_name("cpu.cfs_period_us").read_text()
            if quota != "max" and int(quota) > 0:
                shares.append(int(quota) / int(period))
    return max(1, math.floor(min(shares)))


def thread_variables() -> dict[str, str]:
    """Return the variables of a process that computes, so that it starts no more threads than it may keep
    busy; none where nothing limits its time, or a person has set the number."""
    if "OMP_NUM_THREADS" in os.environ or cores() == len(os.sched_getaffinity(0)):
        return {}
    return {"OMP_NUM_THREADS": str(cores()), "VLLM_CPU_OMP_THREADS_BIND": "nobind"}


def _address_space() -> float:
    """Return how much memory `ulimit -v` lets this process map."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return math.inf if soft == resource.RLIM_INFINITY else soft


def _memory_files() -> Iterator[Path]:
    yield from _files("memory", "memory.max", "memory.limit_in_bytes")
    yield from _files("memory", "memory.high", "memory.limit_in_bytes")


def _files(controller: str, second: str, first: str) -> Iterator[Path]:
    """Yield the limit's files of the groups that this process is in, by their names in version 2 and 1."""
    with suppress(OSError, ValueError):
        for line in OWN.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            top, name = (ROOT / controllers, first) if controllers else (ROOT, second)
            if not controllers and (ROOT / "unified").is_dir():
                top = ROOT / "unified"  # both versions at once
            for depth in range(len(Path(group).parts)):
                folder = top.joinpath(*Path(group).parts[1 : depth + 1])
                if (folder / name).is_file():
                    yield folder / name


def _number(path: Path) -> float:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return math.inf


def _cached(path: Path) -> int:
    with suppress(OSError, ValueError):
        fields = dict(line.split() for line in path.read_text().splitlines())
        return int(fields.get("total_inactive_file", fields.get("inactive_file", "0")))
    return 0
