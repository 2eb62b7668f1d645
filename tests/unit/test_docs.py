"""README, CONTRIBUTING, CHANGELOG and the pages of docs/, prompts/ and data/ speak of what is there: verbs,
modules, targets, paths, the tree, keys of a recipe."""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from factory.cli.main import app
from factory.recipe.sources import ANSWERS_A_SAMPLE, LEAST_REQUESTS

ROOT = Path(__file__).parents[2]
PAGES = [
    *(
        ROOT / f"{name}.md"
        for name in ("README", "CONTRIBUTING", "CHANGELOG", "prompts/README", "data/README")
    ),
    *sorted((ROOT / "docs").glob("*.md")),
]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
VERBS = set(get_command(app).commands)  # type: ignore[attr-defined]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
SCHEMA = json.loads((ROOT / "schemas" / "recipe.schema.json").read_text(encoding="utf-8"))
FOLDERS = "factory|tests|bench|data|docs|prompts|pipelines|schemas|requirements"


def blocks(text: str, language: str = "") -> list[str]:
    """Return the fenced blocks of a page, those of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def code(text: str) -> str:
    """Return what a page shows as code, one piece a line."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    fenced = blocks(text, r"\w*")
    return "\n".join([*fenced, *(piece.replace("\n", " ") for piece in re.findall(r"`([^`]+)`", prose))])


def test_every_verb_is_in_the_readme() -> None:
    shown = set(re.findall(r"[a-z]+", code(TEXTS["README.md"])))
    assert sorted(VERBS - shown) == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_verb_of_a_page_is_there(page: str) -> None:
    shown = re.findall(r"(?:^|[\s(])factory ([a-z]+(?:\|[a-z]+)*)(?![\w/.])", code(TEXTS[page]))
    assert {verb for some in shown for verb in some.split("|")} <= VERBS


@pytest.mark.parametrize("page", TEXTS)
def test_every_module_that_is_run_is_there(page: str) -> None:
    modules = re.findall(r"python -m ((?:factory|bench|tests)[.\w]*)", code(TEXTS[page]))
    missing = [name for name in modules if "NAME" not in name and not importlib.util.find_spec(name)]
    assert missing == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_target_of_make_is_there(page: str) -> None:
    shown = re.findall(r"(?:^|[\s;&])make ([a-z-]+)", code(TEXTS[page]))
    assert sorted(set(shown) - TARGETS) == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_path_is_there(page: str) -> None:
    text = TEXTS[page]
    shown = re.findall(rf"(?<![\w/.-])(?:{FOLDERS})/[\w./*{{}},-]*", code(text))
    # A capital word stands for any name, and so does a star.
    named = {re.sub(r"[A-Z]{3,}", "*", path.rstrip(".,")) for path in shown}
    missing = [
        path for path in named for one in alternatives(path) if not list(ROOT.glob(one.rstrip("/") or "*"))
    ]
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing += [link for link in links if link and not ((ROOT / page).parent / link).exists()]
    assert sorted(missing) == []


@pytest.mark.parametrize("page", TEXTS)
def test_lines_are_short_outside_of_tables(page: str) -> None:
    lines = enumerate(TEXTS[page].splitlines(), start=1)
    assert [number for number, line in lines if len(line) > 110 and not line.startswith("|")] == []


def test_the_readme_fits_on_two_screens() -> None:
    assert len(TEXTS["README.md"].splitlines()) <= 100


def test_what_a_beginner_needs_stands_where_one_begins() -> None:
    readme, start = TEXTS["README.md"], TEXTS["docs/start.md"]
    before_the_tables = readme[: readme.index("\n|")]
    for said in ("docs/start.md", ".venv/bin/activate", "cannot do", "docs/decisions.md#limits"):
        assert said in before_the_tables
    for said in (".venv/bin/activate", "columns:", "data.language", "budget:", "--other-recipe", "## Limits"):
        assert said in start
    assert f"{ANSWERS_A_SAMPLE} answers for each sample" in start and f"{LEAST_REQUESTS:,} at least" in start


def test_where_is_what_names_one_file_a_question() -> None:
    _, _, section = TEXTS["CONTRIBUTING.md"].partition("## Where is what")
    rows = re.findall(r"^\| (.+\?) \| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE)
    files = [re.findall(r"`([\w/.]+/[\w.]+)`", answer) for _, answer in rows]
    assert len(rows) >= 20
    assert [
        question
        for (question, _), named in zip(rows, files, strict=True)
        if len(named) != 1 or not (ROOT / named[0]).is_file()
    ] == []


def alternatives(path: str) -> list[str]:
    """Return the paths that one with braces stands for."""
    before, brace, rest = path.partition("{")
    if not brace:
        return [path]
    some, _, after = rest.partition("}")
    return [before + one + after for one in some.split(",")]


def test_the_tree_is_that_of_the_factory() -> None:
    (tree,) = [block for block in blocks(TEXTS["CONTRIBUTING.md"]) if block.startswith("factory/")]
    lines = tree.splitlines()[1:]
    shown = [
        name
        for line in lines[: next(i for i, line in enumerate(lines) if not line.startswith("  "))]
        for name in re.match(r"  ((?:[\w.]+/? )*[\w.]+/?)(?:  |$)", line)[1].split()  # type: ignore[index]
    ]
    there = [
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "factory").iterdir()
        if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").is_file())
    ]
    assert sorted(shown) == sorted(there)


@pytest.mark.parametrize("page", TEXTS)
def test_every_key_of_a_recipe_is_there(page: str) -> None:
    for block in blocks(TEXTS[page], "yaml"):
        # What stands for a value is no YAML.
        recipe = yaml.safe_load(re.sub(r"<[^>\n]*>", "VALUE", block))
        assert list(unknown(recipe, [SCHEMA], "")) == [], block


def test_a_key_that_is_not_there_is_named() -> None:
    shown = {"student": {"stages": [{"sft": {"steps": 3, "stebs": 4}}]}, "searhc": {}}
    assert list(unknown(shown, [SCHEMA], "")) == ["student.stages.sft.stebs", "searhc"]


def unknown(value: Any, schemas: list[dict[str, Any]], where: str) -> Iterator[str]:
    """Yield the keys of a value, at any depth, that none of the schemas has there."""
    possible = list(spread(schemas))
    if isinstance(value, list):
        for item in value:
            yield from unknown(item, [one["items"] for one in possible if "items" in one], where)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        path = f"{where}.{key}".lstrip(".")
        below = [one["properties"][key] for one in possible if key in one.get("properties", {})]
        below += [one["additionalProperties"] for one in possible if one.get("additionalProperties")]
        if not below:
            yield path
        else:
            yield from unknown(inner, [one for one in below if isinstance(one, dict)], path)


def spread(schemas: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the schemas that these stand for."""
    for schema in schemas:
        yield schema
        if "$ref" in schema:
            yield from spread([SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]])
        for kind in ("anyOf", "oneOf", "allOf"):
            yield from spread(schema.get(kind, []))
