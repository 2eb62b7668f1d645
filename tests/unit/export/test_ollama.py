"""The Modelfile beside a GGUF file: read as Ollama reads it, it gives the text and the settings with which
the student was measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.chat_formats.formats import FORMATS
from factory.export.model_facts import model_facts
from factory.export.ollama import modelfile
from factory.store.store import read_store
from tests.support.conversations import SYSTEM, plain, user
from tests.support.export_stores import TOOL
from tests.support.finished_student import STUDENT, rows, student_workspace
from tests.support.go_template import modelfile as read
from tests.support.go_template import ollama


def written(folder: Path, **about: Any) -> dict[str, list[str]]:
    """Return the commands of the Modelfile of a student that was made with these settings."""
    found = rows(folder / "base")
    for row in found["artifacts"]:
        row["about"] |= about if "stage" in row["about"] or row["kind"] == "merged" else {}
    workspace = student_workspace(folder / "w", found)
    with read_store(workspace.store) as connection:
        facts = model_facts(connection, STUDENT)
    return read(modelfile(facts, workspace.models / STUDENT, "student.gguf"))


def test_it_answers_as_it_was_measured(tmp_path: Path) -> None:
    told = written(tmp_path)
    assert told["FROM"] == ["./student.gguf"]
    assert told["PARAMETER temperature"] == ["0"]
    # Ollama's own would be 1.1, which changes greedy answers.
    assert told["PARAMETER repeat_penalty"] == ["1"]
    assert told["PARAMETER num_predict"] == ["56"]
    assert told["PARAMETER num_ctx"] == ["2048"]
    assert told["PARAMETER stop"] == ["<|im_end|>"]


@pytest.mark.parametrize("name", ["hermes", "llama3", "gemma", "mistral"])
def test_a_conversation_is_the_text_that_the_student_knows(tmp_path: Path, name: str) -> None:
    (template,) = written(tmp_path, format=name)["TEMPLATE"]
    for messages in ([user("What is 12 * 7?")], [SYSTEM, user("Hello")], plain("locks")["messages"][:-1]):
        assert ollama(template, messages) == FORMATS[name].render(messages, generate=True)


def test_tools_that_it_was_shown_stand_in_it(tmp_path: Path) -> None:
    (template,) = written(tmp_path, show_tools=True)["TEMPLATE"]
    assert json.dumps(TOOL) in template
    messages = [user("What is 12 * 7?")]
    ours = FORMATS["hermes"].render(messages, [TOOL], show_tools=True, generate=True)
    assert ollama(template, messages) == ours


@pytest.mark.parametrize(
    "about", [{"format": "mistral", "show_tools": True}, {"format": "of another version"}]
)
def test_where_there_is_no_template_it_is_said(tmp_path: Path, about: dict[str, Any]) -> None:
    assert "TEMPLATE" not in written(tmp_path, **about)
