"""Is everything there, and is it what it was? Environment, store against ledger, models against manifests,
leftovers, disk.

Promise: every block of the store's file, every row of every batch and every byte of every model is read. What
was lost, added or changed is named with its batches, tables and numbers of rows as far as the ledger knows
them, with what probably happened and what to do. Looking changes nothing. `mend` does only what cannot lose
anything, after a copy of every file that it rewrites. Not promised: who did it, rows that the ledger never
had, or protection against somebody who edits store and ledger alike.
"""

from factory.doctor.environment import examine_environment
from factory.doctor.finding import Finding, Mend
from factory.doctor.mend import mend
from factory.doctor.workspace import examine

__all__ = ["Finding", "Mend", "examine", "examine_environment", "mend"]
