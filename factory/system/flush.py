"""Bytes on the disk, and not only in the machine's memory.

Promise: when `flush` returns, what a file holds, or which names a folder has, outlives a loss of power. Not
promised: what a disk does that says it has written and has not.
"""

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Wait until a file or folder is on the disk; raise OSError if the disk refuses."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
