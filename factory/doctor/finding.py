"""A finding of the doctor, and its repair where there is one without loss."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "note", "fault"]
Area = Literal["environment", "disk", "store", "ledger", "model", "leftover"]


@dataclass(frozen=True)
class Mend:
    """A repair without loss: what it does in words, the files that it rewrites (copied before), the
    bytes that it needs besides."""

    does: str
    act: Callable[[], None]
    rewrites: tuple[Path, ...] = ()
    needs: int = 0


@dataclass(frozen=True)
class Finding:
    """The result of one check. `todo` is for the person; a finding with a `mend` is what `--fix` takes
    on."""

    state: State
    area: Area
    what: str
    todo: str = ""
    mend: Mend | None = None

    def row(self) -> dict[str, str | bool]:
        """Return the finding as plain values."""
        return {
            "state": self.state,
            "area": self.area,
            "what": self.what,
            "todo": self.todo,
            "fixable": self.mend is not None,
        }
