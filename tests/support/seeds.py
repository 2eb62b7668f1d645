"""Seeds of a kind by its name, as a recipe has them read."""

from pathlib import Path
from typing import Any

from factory.seeds import load
from factory.seeds.load import SeedFile
from factory.seeds.seed import Seed
from factory.tasks.kinds import seed_formats


def load_seeds(source: str | Path, kind: str, **how: Any) -> SeedFile:
    """Return the seeds and the faults of a source."""
    return load.load_seeds(source, seed_formats(kind), **how)


def require_seeds(source: str | Path, kind: str, **how: Any) -> list[Seed]:
    """Return the seeds of a source without a fault."""
    return load.require_seeds(source, seed_formats(kind), **how)
