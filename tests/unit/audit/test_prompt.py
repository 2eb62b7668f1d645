"""The prompt: statements over several lines, commands, completion, history; a mistake is told and does not
end it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from factory.audit.catalog import Catalog, catalog
from factory.audit.completion import SqlCompleter
from factory.audit.prompt import Conversation, read_pipe, read_terminal, terminal_session
from factory.errors import InputError
from factory.store.reader import Limits
from factory.workspace import Workspace
from tests.support.sample_rows import make_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("prompt"))


@pytest.fixture(scope="module")
def known(workspace: Workspace) -> Catalog:
    return catalog(workspace.store)


class Talk:
    """A conversation that keeps what it shows and says."""

    def __init__(self, workspace: Workspace, known: Catalog):
        self.shown: list[list[list[object]]] = []
        self.said: list[str] = []
        self.looks = 0
        self.conversation = Conversation(
            workspace.store,
            Limits(seconds=300),
            known,
            lambda answer: self.shown.append(answer.rows),
            self.said.append,
            self._look,
        )

    def _look(self) -> None:
        self.looks += 1


@pytest.fixture
def talk(workspace: Workspace, known: Catalog) -> Talk:
    return Talk(workspace, known)


@contextmanager
def typing(keys: str, known: Catalog) -> Iterator["PromptSession[str]"]:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        yield terminal_session(known)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "distill-factory" / "audit-history"


def test_a_statement_goes_over_lines_until_its_semicolon(talk: Talk, known: Catalog) -> None:
    with typing("SELECT 1\r+ 1;\r\r\\q\r", known) as session:
        read_terminal(talk.conversation, talk.said.append, session)
    assert talk.shown == [[[2]]]
    assert talk.said == []


def test_mistakes_are_told_and_ctrl_d_ends(talk: Talk, known: Catalog) -> None:
    with typing("DROP TABLE samples;\r\\nonsense\rSELECT\x03\\?\r\x04", known) as session:
        read_terminal(talk.conversation, talk.said.append, session)
    drop, nonsense, stopped, about = talk.said
    assert "DROP" in drop and "nonsense" in nonsense and stopped == "stopped" and "\\d NAME" in about
    assert talk.shown == []


def test_what_was_typed_is_there_the_next_time(talk: Talk, known: Catalog, state: Path) -> None:
    with typing("SELECT 41;\r\x04", known) as session:
        read_terminal(talk.conversation, talk.said.append, session)
    assert state.stat().st_mode & 0o077 == 0
    with typing("\x1b[A\r\x04", known) as session:
        read_terminal(talk.conversation, talk.said.append, session)
    assert talk.shown == [[[41]], [[41]]]


def test_without_a_place_for_it_there_is_no_history_and_no_fault(
    talk: Talk, known: Catalog, state: Path
) -> None:
    state.parent.parent.write_text("a file where a folder should be")
    with typing("SELECT 41;\r\x04", known) as session:
        read_terminal(talk.conversation, talk.said.append, session)
    assert talk.shown == [[[41]]]


def test_commands_list_tables_columns_and_the_overview(talk: Talk) -> None:
    read_pipe(talk.conversation, ["\\d\n", "\\d samples;\n", "\\o\n", "\\q\n", "SELECT 1;"])
    tables, columns = talk.shown
    assert ["training_set", "view"] in [row[:2] for row in tables]
    assert ["dedup_key", "VARCHAR", "equal for samples that say the same"] in columns
    assert talk.looks == 1
    with pytest.raises(InputError, match="no_such"):
        read_pipe(talk.conversation, ["\\d no_such\n"])


def test_a_pipe_is_read_to_its_end_or_to_the_first_mistake(talk: Talk) -> None:
    read_pipe(talk.conversation, ["SELECT 1; SELECT ';\n", "';\n", "\n", "-- nothing\n", "SELECT 3"])
    assert talk.shown == [[[1]], [[";\n"]], [[3]]]
    with pytest.raises(InputError):
        read_pipe(talk.conversation, ["SELECT no_such;\n", "SELECT 4;"])
    assert len(talk.shown) == 3


@pytest.mark.parametrize(
    ("typed", "there", "not_there"),
    [
        ("SELECT * FROM tr", {"training_set", "training_log"}, {"TRUE", "trace"}),
        ("SELECT * FROM samples s JOIN ve", {"verdicts"}, {"value"}),
        ("SELECT * FROM samples s WHERE s.qu", {"question"}, {"QUALIFY"}),
        ("SELECT * FROM samples WHERE qu", {"question", "QUALIFY"}, set()),
        ("SELECT * FROM samples, seeds WHERE fam", {"family"}, set()),
        ("SELECT * FROM samples WHERE tar", set(), {"target_count"}),
        ("SEL", {"SELECT"}, set()),
        ("sel", {"SELECT"}, set()),
        ("SELECT 'tr", set(), {"training_set"}),
        ("SELECT 1 -- tr", set(), {"training_set"}),
        ("\\d tr", {"training_set"}, set()),
    ],
)
def test_completion(known: Catalog, typed: str, there: set[str], not_there: set[str]) -> None:
    found = {
        completion.text
        for completion in SqlCompleter(known).get_completions(Document(typed), CompleteEvent())
    }
    assert there <= found
    assert not not_there & found
