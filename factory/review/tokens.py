"""Text of a teacher's tokens, where its tokenizer can be found; otherwise their ids, which is reported
by the brackets around them.

Promise: nothing is loaded but `tokenizer.json`, by a parser that runs no code of the model's folder.
"""

from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from factory.models.bundled import BUNDLED, converted_folder


class Speller:
    """Tokenizers by teacher, loaded once each."""

    def __init__(self) -> None:
        self._known: dict[str, Callable[[int], str]] = {}

    def of(self, teacher: str, folders: list[Path]) -> Callable[[int], str]:
        """Return what spells a token of the teacher; `folders` are places where its model may lie."""
        if teacher not in self._known:
            own = [converted_folder(teacher)] if teacher in BUNDLED else [Path(teacher)]
            files = [folder / "tokenizer.json" for folder in [*folders, *own]]
            self._known[teacher] = next(
                (spell for file in files if file.is_file() and (spell := _loaded(file))), _as_id
            )
        return self._known[teacher]


def _loaded(file: Path) -> Callable[[int], str] | None:
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception:  # the parser raises Exception itself for a file that is no tokenizer
        return None
    return lambda token: str(tokenizer.decode([token], skip_special_tokens=False))


def _as_id(token: int) -> str:
    return f"[{token}]"
