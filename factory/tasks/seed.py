"""Seed tasks: a question that a person wrote, and the reference that answers it.

Promise: every bad line of a file is reported at once, with its number. Nothing of a seed is executed here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from factory.digest import content_id
from factory.errors import InputError
from factory.tasks.control_token import control_token
from factory.tasks.strict_json import strict_json

MAX_BYTES = 64 * 1024 * 1024
Text = Annotated[str, Field(min_length=1, max_length=4000)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, Field(min_length=1, max_length=200)]
    question: Text
    reference: Text
    language: Annotated[str, Field(pattern="^[a-z]{2,3}$")] = "en"
    family: Annotated[str, Field(min_length=1, max_length=100)] = "general"


@dataclass(frozen=True)
class Seed:
    """One seed task. `name` is its id in the file, `reference` the expression that solves it, `line` counts from 1."""

    name: str
    language: str
    family: str
    question: str
    reference: str
    source: str
    line: int

    @property
    def seed_id(self) -> str:
        """The content id: the same task in another place is the same seed."""
        return content_id({"language": self.language, "question": self.question, "reference": self.reference})


def load_seeds(path: Path) -> list[Seed]:
    """Return the seeds of a JSON Lines file; InputError lists every bad line."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES >> 20} MB", "Seeds are a handful of tasks; split the file.")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    seeds: list[Seed] = []
    faults: list[str] = []
    names: dict[str, int] = {}
    for number, raw in enumerate(data.split(b"\n"), 1):
        if not raw.strip():
            continue
        try:
            line = _Line.model_validate(strict_json(raw))
        except ValidationError as error:
            first = error.errors()[0]
            faults.append(f"{path}:{number}: {'.'.join(map(str, first['loc'])) or 'line'}: {first['msg']}")
            continue
        except ValueError as error:
            faults.append(f"{path}:{number}: not a JSON object: {error}")
            continue
        if token := control_token(line.question):
            faults.append(f"{path}:{number}: question: {token} would end the turn that it stands in")
            continue
        if line.id in names:
            faults.append(f"{path}:{number}: the id {line.id!r} stands in line {names[line.id]} already")
            continue
        names[line.id] = number
        seeds.append(Seed(line.id, line.language, line.family, line.question, line.reference, path.name, number))
    if faults:
        raise InputError("\n".join(faults[:50]) + (f"\n… and {len(faults) - 50} more" if len(faults) > 50 else ""))
    if not seeds:
        raise InputError(f"{path} holds no tasks", 'One JSON object a line: {"id", "question", "reference", "language", "family"}.')
    return seeds
