"""A student's card says what the store knows of it, what is unknown, and nothing of the machine."""

import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from factory.errors import InputError
from factory.export.model_card import model_card
from factory.store.store import read_store
from factory.text.visible import escape_hidden
from factory.workspace import Workspace
from tests.support.finished_student import SMALL, STUDENT, person, rows, student_workspace
from tests.support.sample_rows import EVIL, Rows, make_workspace

OTHER = "---\nlicense: other\nlicense_name: llama3\nlicense_link: LICENSE\n---\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def card(workspace: Workspace, name: str = STUDENT, **options: Any) -> ModelCard:
    """Return the card of a model, read as the Hub reads it."""
    with read_store(workspace.store) as connection:
        return ModelCard(model_card(connection, name, **options))


def stored(folder: Path, found: Rows) -> Workspace:
    return make_workspace(folder / "w", found)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("card")
    found = rows(folder / "base")
    found["verdicts"].append(person("b2:sample3", passed=True))
    return student_workspace(folder / "w", found)


def test_the_metadata_is_what_the_hub_reads(workspace: Workspace) -> None:
    data = card(workspace).data
    assert (data.license, data.base_model) == ("apache-2.0", "HuggingFaceTB/SmolLM2-135M-Instruct")
    assert (data.pipeline_tag, data.library_name, data.language) == (
        "text-generation",
        "transformers",
        ["en"],
    )
    assert {"distillation", "synthetic", "function-calling"} <= set(data.tags)
    (accuracy,) = [one for one in data.eval_results if one.metric_type == "accuracy"]
    assert (accuracy.metric_value, accuracy.metric_args["n"]) == (0.88, 120)
    assert accuracy.dataset_name == "held-out tasks of tiny"


def test_all_of_it_is_told(workspace: Workspace) -> None:
    text = card(workspace).text
    assert "base: `smollm2-135m-instruct`, revision `gguf-sha256:1`" in text
    assert "teacher: `teacher-a`, revision `r1`: 10 samples" in text
    assert "stage `sft`: `steps 40, batch_size 8, learning_rate 0.002`" in text
    assert "stage `distill`: `steps 20, batch_size 8, learning_rate 0.001, teacher stored`" in text
    assert "what was trained: `kind lora, rank 16`" in text
    assert "| `tool_call` | 10 | 4 | 0 | 0 | 1 |" in text
    assert "Of 12 samples of the store's latest run 10 were accepted." in text
    assert "| `execution` | `wrong_result` | the result differs from the reference | no | 2 |" in text
    assert "greedily (temperature 0), with at most 56 tokens" in text
    assert "| `calculator` | `Counts.` |" in text and "knows them by heart" in text


def test_measurements_stand_beside_those_of_teacher_and_base(workspace: Workspace) -> None:
    text = card(workspace).text
    assert "| figure | this (student) | teacher | base |" in text
    (right,) = [line for line in text.splitlines() if "| 88 %" in line]
    # Wilson's intervals, as the report has them.
    assert "88 % (81–93 %, n = 120) | 61 % (52–69 %, n = 120) | 11 % (6–18 %, n = 120)" in right
    assert "1.42 GB (n = 120)" in text and "on `A small one`" in text


def test_a_compressed_one_stands_beside_its_student_too(workspace: Workspace) -> None:
    text = card(workspace, SMALL).text
    assert "| figure | this (compressed student) | student | teacher | base |" in text
    assert "compressed: `quantize w8a8-static`" in text
    assert "| `tool_call` | 10 |" in text


def test_of_a_gguf_file_no_figure_is_claimed_as_its_own(workspace: Workspace) -> None:
    found = card(workspace, gguf="q8_0")
    assert found.data.eval_results is None and found.data.library_name == "gguf"
    assert "those of the weights before they were written as q8_0" in found.text


def _base(folder: Path, name: str = "", text: str = "") -> Path:
    (folder / "base").mkdir()
    if name:
        (folder / "base" / name).write_text(text, encoding="utf-8")
    return folder / "base"


@pytest.mark.parametrize(
    ("file", "text", "identifier", "told"),
    [
        ("README.md", "---\nlicense: CC-BY-NC-4.0\n---\n# x\n", "cc-by-nc-4.0", "by its model card"),
        ("README.md", OTHER, "other", "by its model card"),
        ("README.md", "# no metadata\n", "unknown", "its folder does not say it"),
        ("README.md", "---\nlicense: [\n---\n", "unknown", "its folder does not say it"),
        ("README.md", "---\nlicense: {a: b}\n---\n", "unknown", "its folder does not say it"),
        ("README.md", '---\nlicense: "mit\\n# owned"\n---\n', "unknown", "its folder does not say it"),
        ("LICENSE", "\n  Apache License\n   Version 2.0\n", "apache-2.0", "by its file LICENSE"),
        ("LICENSE.md", "MIT License\n\nCopyright\n", "mit", "by its file LICENSE.md"),
        ("LICENSE", "Do what you like.\n", "other", "its file LICENSE has a text of its own"),
        ("", "", "unknown", "its folder does not say it"),
    ],
)  # fmt: skip
def test_the_licence_is_what_the_base_says(
    tmp_path: Path, file: str, text: str, identifier: str, told: str
) -> None:
    found = rows(_base(tmp_path, file, text), base="org/model", revision=COMMIT)
    shown = card(stored(tmp_path, found))
    assert shown.data.license == identifier
    assert told in shown.text
    assert ("find it out before you pass this on" in shown.text) == (identifier == "unknown")
    assert shown.data.base_model == "org/model"


def test_a_base_that_is_gone_has_an_unknown_licence(tmp_path: Path) -> None:
    shown = card(stored(tmp_path, rows(tmp_path / "gone", base="org/model", revision=COMMIT)))
    assert shown.data.license == "unknown" and "its folder is not here" in shown.text


@pytest.mark.parametrize("base", ["/home/ann/secret/base", "models/base", "~/base", "./base"])
def test_no_path_of_this_machine_is_in_it(tmp_path: Path, base: str) -> None:
    found = rows(tmp_path / "base", base=base, revision="b2:0123")
    found["runs"][0] |= {
        "recipe_text": f"name: tiny\nteacher: {{endpoints: ['http://10.0.0.7/v1']}}\n# {tmp_path}"
    }
    for row in found["generations"]:
        row["teacher"] = "/home/ann/secret/teacher"
    shown = card(stored(tmp_path, found))
    assert shown.data.base_model is None
    for secret in ("secret", "ann", str(tmp_path), "10.0.0.7"):
        assert secret not in str(shown)
    assert "teacher: `teacher`" in shown.text


def test_a_student_with_a_head_is_asked_otherwise(tmp_path: Path) -> None:
    found = rows(tmp_path / "base")
    for row in found["artifacts"]:
        if "stage" in row["about"]:
            row["about"] |= {"head": ["billing", "card"]}
    shown = card(stored(tmp_path, found))
    assert shown.data.pipeline_tag == "text-classification"
    assert "`billing`, `card`" in shown.text and "generate(" not in shown.text


def test_what_was_not_measured_is_said(tmp_path: Path) -> None:
    found = rows(tmp_path / "base") | {"evaluations": []}
    assert "It was not measured." in card(stored(tmp_path, found)).text


def test_hostile_names_are_inert(tmp_path: Path) -> None:
    found = rows(tmp_path / "base")
    evil = EVIL.replace("\0", "") + "`` | <script> ![x](http://x)\n# head"
    found["runs"][0] |= {"recipe_name": evil, "machine": {"cpu": evil}}
    for row in found["samples"]:
        row |= {"kind": evil, "language": evil, "tools": [{"function": {"name": evil, "description": evil}}]}
    for row in found["generations"]:
        row |= {"teacher": evil, "revision": evil}
    for row in found["verdicts"]:
        row["reason"] = evil
    shown = card(stored(tmp_path, found))
    assert escape_hidden(str(shown)) == str(shown)
    # Without code spans nothing of it is left to be markup.
    rest = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", shown.text)
    for mark in ("<script>", "HYPERLINK", "![x]", "# head"):
        assert mark in shown.text and mark not in rest


def test_an_unknown_name_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="no model 'student-x'"):
        card(workspace, "student-x")
