"""The chat format of a recipe that names none: what a run says and refuses before anything loads, and what
ids and model folders keep of it."""

import dataclasses
import io
from pathlib import Path

import pytest

from factory.context.lineage import format_choice
from factory.context.plan import Plan
from factory.errors import InputError
from factory.pipeline.preflight import preflight
from factory.system.progress import Progress
from tests.support.recipes import write_project
from tests.support.scripted import load
from tests.support.tiny_formats import CHATML, LLAMA, MISTRAL, OWN, TAGS, TAGS_MARKS, base_folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of a recipe that teaches calls, distilling from a teacher with a template."""
    write_project(tmp_path, "repair")
    return tmp_path


def _base(project: Path, special: list[str], template: str | None = None) -> tuple[Plan, io.StringIO]:
    base_folder(project / "teacher", special, "{{ messages }}")
    base_folder(project / "base", special, template)
    said = io.StringIO()
    plan = load(project)
    return dataclasses.replace(plan, run=dataclasses.replace(plan.run, progress=Progress(said))), said


@pytest.mark.parametrize(
    ("special", "template", "name", "kept", "said"),
    [
        (CHATML, None, "hermes", {}, "Hermes, because"),
        (LLAMA, None, "llama3", {"format": "llama3"}, "Llama 3, because"),
        (MISTRAL, None, "mistral", {"format": "mistral"}, "Mistral, because"),
        (TAGS_MARKS, TAGS, "own", {"format": "own"}, "the base's own template, because"),
    ],
)
def test_a_base_of_another_family_is_taught_in_its_format(
    special: list[str], template: str | None, name: str, kept: dict[str, str], said: str, project: Path
) -> None:
    plan, told = _base(project, special, template)
    preflight(plan, ("distill",))
    assert (plan.run.chat_choice.name, format_choice(plan.run)) == (name, kept)
    assert f"student.format: {said}" in told.getvalue()


def test_calls_that_a_template_cannot_write_are_refused_before_anything_is_asked(project: Path) -> None:
    template, marks = OWN["plain"]
    plan, _ = _base(project, marks, template)
    with pytest.raises(InputError, match="no calls of tools: it fails: no tools") as caught:
        preflight(plan, ("generate", "distill"))
    assert str(project / "recipe.yaml") in str(caught.value)
