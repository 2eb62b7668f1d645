"""Repair of the findings that can be repaired without loss.

Promise: the workspace's lock is held; before the first change free space is checked and every file that
a repair rewrites (the store with its write-ahead log, the ledger) is copied, flushed and read back; the path
of the copy is printed. The copy is never restored automatically. Removed leftovers are not
copied: they were never finished and nothing reads them.
"""

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path

from factory.doctor.finding import Finding
from factory.errors import FactoryError
from factory.system.atomic import flush
from factory.system.digest import file_sha256
from factory.workspace import Workspace


def mend(workspace: Workspace, findings: list[Finding], say: Callable[[str], None]) -> int:
    """Repair the findings, report each and return how many. FactoryError before any change if there is no
    space for the copy.

    The caller holds the workspace's lock.
    """
    mends = [finding.mend for finding in findings if finding.mend]
    rewritten = sorted({path for one in mends for path in one.rewrites})
    if rewritten:
        copy = _copy(workspace, rewritten, needed=sum(one.needs for one in mends))
        say(f"the files that are rewritten were copied to {copy}")
    for one in mends:
        one.act()
        say(f"done: {one.does}")
    return len(mends)


def _copy(workspace: Workspace, files: list[Path], needed: int) -> Path:
    log = workspace.store.with_name(workspace.store.name + ".wal")
    if workspace.store in files and log.exists():
        files = [*files, log]
    size = sum(path.stat().st_size for path in files)
    free = shutil.disk_usage(workspace.root).free
    if free < size + needed + 2**26:
        raise FactoryError(
            f"nothing was changed: {(size + needed) / 1e6:,.0f} MB are needed for the copy and the repair, "
            f"{free / 1e6:,.0f} MB are free",
            "Free space on the disk of the workspace.",
        )
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")
    target = workspace.root / "copies" / moment
    target.mkdir(parents=True)
    for path in files:
        copy = target / path.name
        shutil.copy2(path, copy)
        flush(copy)
        if file_sha256(copy) != file_sha256(path):
            raise FactoryError(
                f"nothing was changed: {copy} differs from {path} after copying", "Check the disk."
            )
    flush(target)
    return target
