r"""Interactive SQL prompt: multi-line statements, each run by the locked-down reader.

Promise: at a terminal there is a history, kept in the user's state folder, and completion of tables, views,
columns and keywords; an error is printed and the prompt continues; Ctrl-C stops the statement, Ctrl-D ends.
From a pipe, statements are read to its end without a prompt, and the first error stops the reading.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from factory.audit.catalog import Catalog
from factory.audit.statements import split
from factory.errors import FactoryError, InputError
from factory.store.reader import Answer, Limits, ask

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings

HELP = r"""Type one SELECT, ended by a semicolon, over as many lines as you like.
Tab completes, the arrow keys bring back earlier statements.
  \d          tables and views
  \d NAME     the columns of one
  \o          the overview
  \?          this help
  \q          end (or Ctrl-D)
"""


class Conversation:
    """Dispatcher of typed entries: `show` gets answers, `say` gets text, `look` shows the overview."""

    def __init__(
        self,
        store: Path,
        limits: Limits,
        catalog: Catalog,
        show: Callable[[Answer], None],
        say: Callable[[str], None],
        look: Callable[[], None],
    ):
        self.catalog = catalog
        self._store, self._limits = store, limits
        self._show, self._say, self._look = show, say, look

    def take(self, entry: str) -> bool:
        """Carry out one command or some statements, and return whether there is more to come; errors as
        `factory.store.reader.ask`."""
        if entry.lstrip().startswith("\\"):
            return self._command(*entry.split())
        statements, rest, _ = split(entry)
        for statement in [*statements, rest] if rest else statements:
            self._show(ask(self._store, statement, self._limits))
        return True

    def _command(self, name: str, *arguments: str) -> bool:
        if name == "\\q":
            return False
        if name == "\\d" and len(arguments) < 2:
            self._show(
                self.catalog.described(arguments[0].rstrip(";")) if arguments else self.catalog.relations
            )
        elif name == "\\o":
            self._look()
        elif name == "\\?":
            self._say(HELP)
        else:
            raise InputError(f"there is no command {' '.join((name, *arguments))}", r"\? lists the commands.")
        return True


def is_whole(entry: str) -> bool:
    """Return whether an entry is complete: nothing, a command, or statements of which the last is
    ended."""
    statements, rest, inside = split(entry)
    return entry.lstrip().startswith("\\") or not (rest or inside) and bool(statements or not entry.strip())


def read_pipe(conversation: Conversation, lines: Iterable[str]) -> None:
    """Carry out what comes, to the end or to the first error; a last statement need not be ended."""
    entry = ""
    for line in lines:
        entry += line
        if is_whole(entry):
            if entry.strip() and not conversation.take(entry):
                return
            entry = ""
    if entry.strip():
        conversation.take(entry)


def read_terminal(
    conversation: Conversation, tell: Callable[[str], None], session: "PromptSession[str]"
) -> None:
    """Prompt until the person ends it; errors are printed."""
    while True:
        try:
            if not conversation.take(session.prompt()):
                return
        except KeyboardInterrupt:
            tell("stopped")
        except EOFError:
            return
        except FactoryError as error:
            tell(f"error: {error}")


def terminal_session(catalog: Catalog) -> "PromptSession[str]":
    """Return a prompt with history and completion."""
    from prompt_toolkit import PromptSession

    from factory.audit.completion import SqlCompleter

    return PromptSession(
        "factory> ",
        history=_history(),
        completer=SqlCompleter(catalog),
        complete_while_typing=False,
        key_bindings=_keys(),
        multiline=True,
        prompt_continuation="      -> ",
    )


def _keys() -> "KeyBindings":
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_whole(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


def _history() -> "History":
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    base = os.environ.get("XDG_STATE_HOME", "")
    path = (
        Path(base if os.path.isabs(base) else Path.home() / ".local" / "state")
        / "distill-factory"
        / "audit-history"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with path.open("ab"):
            pass
    except (OSError, RuntimeError):
        return InMemoryHistory()
    return FileHistory(str(path))
