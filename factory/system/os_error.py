"""What the machine refuses, in one sentence: a full disk, a file that may not be written, missing locks."""

import errno
import os

from factory.errors import FactoryError, InputError

_SPACE = "Free space, or choose another folder with -w; the same command goes on from there."
_RIGHTS = "Choose another folder, or ask as somebody who may use this one."
_HINTS = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EROFS: "Choose a folder that can be written.",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EIO: "The disk or its connection fails: look at the system's log.",
    errno.ESTALE: "The file system was reconnected: run the same command again.",
    errno.ENAMETOOLONG: "Choose a shorter path.",
    errno.EMFILE: "Raise the limit of open files: ulimit -n 4096",
    errno.ENFILE: "Close programs that hold many files open.",
    errno.ENOMEM: "Free memory, or take a smaller model.",
}
_UNLOCKABLE = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP}


def refused(error: BaseException) -> FactoryError | None:
    """Return what an error says that the machine refused; None if it is another error.

    Libraries in other languages put a full disk into words of their own: the system's are among them.
    """
    if isinstance(error, OSError) and error.errno in _HINTS:
        where = f"{error.filename}: " if error.filename else ""
        return FactoryError(f"{where}{os.strerror(error.errno)}", _HINTS[error.errno])
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
        if os.strerror(number).lower() in str(error).lower():
            return FactoryError(str(error).strip().splitlines()[0][:300], _HINTS[number])
    return None


def unlockable(path: object, error: OSError) -> OSError | InputError:
    """Return the sentence for a file system that cannot lock a file, or the error itself if it says something
    else, such as that another process has the lock."""
    if error.errno not in _UNLOCKABLE:
        return error
    return InputError(
        f"{path} cannot be locked: its file system has no locks ({error.strerror})",
        "Choose a folder on a disk of this machine with -w; what is there already can be copied to it.",
    )
