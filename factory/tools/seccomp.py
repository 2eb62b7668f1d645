"""A filter of system calls for a process that is only to compute: no sockets, processes, threads, signals to
others, or changed files.

Promise: `forbid_system_calls` is irrevocable, needs no privilege, and makes each forbidden call fail with
EPERM (ENOSYS where libc then falls back to an older call that is filtered as well). Calls newer than the
table are forbidden: what a later kernel adds is not a hole. Files can be opened for reading only; which files
is for Landlock to say (`jail`). Covered: Linux on x86-64; elsewhere it returns False.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

_NEWEST = 462
_FORBIDDEN = (
    *(41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 53, 288, 299, 307),  # socket and its family
    *(56, 57, 58, 59, 322),  # clone, fork, vfork, execve, execveat
    *(62, 129, 200, 297, 424, 434, 438),  # kill, rt_sigqueueinfo, tkill, rt_tgsigqueueinfo, pidfd_*
    *(
        101,
        298,
        310,
        311,
        312,
        321,
        323,
        440,
        448,
    ),  # ptrace, perf_event_open, process_vm_*, kcmp, bpf, userfaultfd, process_*
    *(206, 209, 425, 426, 427),  # io_setup, io_submit, io_uring_*: they would do the other calls unseen
    *(
        155,
        161,
        165,
        166,
        272,
        308,
        428,
        429,
        430,
        431,
        432,
        433,
        442,
    ),  # pivot_root, chroot, mount and its family, unshare, setns
    *(248, 249, 250),  # the keyring
    *(
        76,
        77,
        82,
        83,
        84,
        85,
        86,
        87,
        88,
        133,
        258,
        259,
        263,
        264,
        265,
        266,
        285,
        316,
    ),  # make, cut, rename, link and remove files
    *(90, 91, 92, 93, 94, 260, 268, 452, 132, 235, 261, 280),  # chmod, chown and utime with their families
    *(188, 189, 190, 197, 198, 199),  # setxattr, removexattr and their families
    *(303, 304, 319, 447),  # name_to_handle_at, open_by_handle_at, memfd_create, memfd_secret
    *(
        29,
        30,
        31,
        64,
        65,
        66,
        68,
        69,
        70,
        71,
        240,
        241,
    ),  # shared memory, semaphores and queues that outlive the process
    *(105, 106, 113, 114, 116, 117, 119, 126),  # setuid and its family, capset
    *(141, 142, 144, 160, 203, 251, 314),  # priorities, affinity, setrlimit
    *(
        103,
        135,
        153,
        157,
        159,
        163,
        164,
        167,
        168,
        169,
        170,
        171,
        172,
        173,
    ),  # the system: syslog, prctl, acct, swapon, reboot, ...
    *(
        175,
        176,
        179,
        227,
        246,
        300,
        305,
        313,
        317,
        320,
        443,
    ),  # init_module, kexec_load, fanotify_init, seccomp, ...
)
_CLONE3, _OPENAT2 = 435, 437  # their flags lie in memory, where a filter cannot look
_OPEN, _OPENAT, _PRLIMIT, _TGKILL = 2, 257, 302, 234
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | 0o20000000  # the last is O_TMPFILE's own bit

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # classic BPF
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X86_64 = 0xC000003E
_NUMBER, _ARCHITECTURE = 0, 4


def forbid_system_calls() -> bool:
    """Install the filter on this process, which must have no other thread; return whether the kernel took
    it."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    program = b"".join(_program(os.getpid()))
    code = ctypes.create_string_buffer(program)

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    described = Program(len(program) // 8, ctypes.cast(code, ctypes.c_void_p).value)
    libc = ctypes.CDLL(None, use_errno=True)
    # PR_SET_NO_NEW_PRIVS, without which only root may filter; then PR_SET_SECCOMP with SECCOMP_MODE_FILTER.
    return libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(described), 0, 0) == 0


def _program(pid: int) -> list[bytes]:
    error = _instruction(_RETURN, _ERROR | errno.EPERM)
    missing = _instruction(_RETURN, _ERROR | errno.ENOSYS)
    return [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_EQUAL, _X86_64, yes=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        # Numbers from 2**30 on are the x32 form of the same calls.
        *(_instruction(_AT_LEAST, _NEWEST + 1, no=1), missing),
        *(part for number in _FORBIDDEN for part in (_instruction(_EQUAL, number, no=1), error)),
        *(part for number in (_CLONE3, _OPENAT2) for part in (_instruction(_EQUAL, number, no=1), missing)),
        *_unless_zero(_OPEN, _argument(1), _WRITING, error),
        *_unless_zero(_OPENAT, _argument(2), _WRITING, error),
        # Limits may be read; a new one comes as a pointer, whose halves are looked at one after the other.
        *_unless_zero(_PRLIMIT, _argument(2), 0xFFFFFFFF, error),
        *_unless_zero(_PRLIMIT, _argument(2) + 4, 0xFFFFFFFF, error),
        # abort() signals its own process by this call.
        *(
            _instruction(_EQUAL, _TGKILL, no=3),
            _instruction(_LOAD, _argument(0)),
            _instruction(_EQUAL, pid, yes=1),
            error,
        ),
        _instruction(_RETURN, _ALLOW),
    ]


def _unless_zero(number: int, offset: int, bits: int, answer: bytes) -> list[bytes]:
    """Answer a call one of whose arguments has any of the bits; the number is loaded before and after."""
    return [
        _instruction(_EQUAL, number, no=4),
        _instruction(_LOAD, offset),
        _instruction(_ANY_BIT, bits, no=1),
        answer,
        _instruction(_LOAD, _NUMBER),
    ]


def _argument(index: int) -> int:
    """The offset of the lower half of an argument in the record that the filter sees."""
    return 16 + 8 * index


def _instruction(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
