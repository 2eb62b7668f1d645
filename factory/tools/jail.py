"""Sandbox walls of the process that runs user tools: limits, namespaces, Landlock, seccomp, audit hook.
The child gives up these rights for good before it reads the tool's source.

Promise: `enter` puts up every wall that this kernel allows and returns their names:

- `limits`: address space, size of files (none), open files, processes; no core dumps. The parent sets
  CPU time for each call.
- `namespace`: a user and network namespace of its own: no capability over the machine, and no network
  interface, not even loopback.
- `landlock`: only Python's own folders can be read (so imports work); no file can be made, changed or run.
- `seccomp`: sockets, processes, threads, signals and changes to files fail in the kernel
  (`factory.tools.seccomp`).
- `audit`: a Python audit hook that refuses the same, with a clearer message.

Network is out of reach by `namespace` and by `seccomp`, each by itself; files by `landlock`, and writing by
`seccomp` as well. Where the kernel gives none of these, `audit` is all there is: it stops honest code and
accidents, not somebody who knows CPython. Not promised: that a stranger cannot learn whether a path exists or
what the time is, or secrecy against side channels of the processor.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
import sysconfig
from collections.abc import Callable
from typing import Any

from factory.tools.seccomp import forbid_system_calls

_NEWUSER, _NEWNET, _NEWIPC = 0x10000000, 0x40000000, 0x08000000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_ALL_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF}  # by Landlock's version; from 5 on with ioctl
_READ_FILE, _READ_FOLDER = 4, 8
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PROCESSES = (
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "pty.",
    "os.kill",
    "signal.pthread_kill",
)
_NAMES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink")
_FILES = ("os.truncate", "os.ch", "os.utime", "os.setxattr", "os.removexattr")
_REFUSED = (
    *_PROCESSES,
    *_NAMES,
    *_FILES,
    "socket.",
    "_thread.start",
    "resource.setrlimit",
    "resource.prlimit",
)


class Refused(PermissionError):
    """What the audit hook raises."""


def enter(memory: int, parent: int) -> list[str]:
    """Put up the walls around this process, which must have one thread; return their names.

    `memory` is in bytes of address space; the kernel will kill this process when its parent, whose id is
    `parent`, ends.
    """
    walls = ["limits"]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEWUSER | _NEWNET | _NEWIPC) == 0:
        walls.append("namespace")
    # PR_SET_PDEATHSIG: a new user namespace would clear it, and the filter of system calls forbids it.
    libc.prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (value, value))
    folders = _readable()
    sys.path[:] = [path for path in sys.path if _within(path, folders)]
    sys.dont_write_bytecode = True
    if _landlock(folders):
        walls.append("landlock")
    if forbid_system_calls():
        walls.append("seccomp")
    sys.addaudithook(_hook(folders, ctypes_too="seccomp" not in walls))
    return [*walls, "audit"]


def _readable() -> list[str]:
    """The folders of Python, its packages, the libraries that these load, and the zones of time."""
    python = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    system = [f"{sys.base_prefix}/lib", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo"]
    return sorted({os.path.realpath(path) for path in [*python, *system] if os.path.isdir(path)})


def _within(path: str, folders: list[str]) -> bool:
    real = os.path.realpath(path)
    return any(real == folder or real.startswith(folder + "/") for folder in folders)


def _landlock(folders: list[str]) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    rights = struct.pack("=Q", _ALL_RIGHTS.get(version, 0xFFFF))
    ruleset = libc.syscall(_CREATE_RULESET, rights, len(rights), 0)
    if ruleset < 0:
        return False
    for folder in folders:
        descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", _READ_FILE | _READ_FOLDER, descriptor)
        added = libc.syscall(_ADD_RULE, ruleset, 1, rule, 0)
        os.close(descriptor)
        if added:
            return False
    # Without PR_SET_NO_NEW_PRIVS only root may restrict itself.
    restricted = libc.prctl(38, 1, 0, 0, 0) == 0 and libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return restricted


def _hook(folders: list[str], *, ctypes_too: bool) -> Callable[[str, tuple[Any, ...]], None]:
    refused = (*_REFUSED, "ctypes.") if ctypes_too else _REFUSED

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, int):
                return
            if isinstance(flags, int) and flags & _WRITING:
                raise Refused("a tool may not write files")
            if not _within(os.fsdecode(path), folders):
                raise Refused("a tool may read no files but Python's own")
        elif event in ("os.listdir", "os.scandir"):
            if not isinstance(arguments[0], int) and not _within(os.fsdecode(arguments[0] or "."), folders):
                raise Refused("a tool may list no folders but Python's own")
        elif event.startswith(refused):
            raise Refused(f"a tool may not do this: {event}")

    return refuse
