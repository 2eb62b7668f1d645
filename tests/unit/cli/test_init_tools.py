"""`factory init --tools`: a recipe, its tools and the functions to be written, from a list as it lies on a
disk."""

import json
import re
from pathlib import Path

import pytest

from factory.recipe import load_recipe
from factory.tools.load import load_tools
from factory.tools.own_file import read_own_file
from tests.support.command import ROOT, typed

MCP_LIST = {
    "tools": [
        {"name": "get-time", "description": 'The "time".\n', "inputSchema": {"type": "object"}},
        {
            "name": "rooms.book",
            "description": "Books.",
            "inputSchema": {
                "type": "object",
                "properties": {"note": {"type": "string"}, "to": {"$ref": "#/$defs/To"}},
                "required": ["to"],
                "$defs": {"To": {"type": "object", "properties": {"city": {"type": "string"}}}},
            },
        },
        {
            "name": "import",
            "description": "Imports.",
            "inputSchema": {"type": "object", "properties": {"from": {"type": "string"}}},
        },
    ]
}


def test_init_makes_a_recipe_of_a_file_of_tools(tmp_path: Path) -> None:
    file, folder = tmp_path / "server tools.json", tmp_path / "new"
    file.write_text(json.dumps(MCP_LIST))
    made = typed("init", folder, "--tools", file)
    assert made.returncode == 0, made.stderr
    assert "rooms.book is rooms_book" in made.stderr
    recipe = folder / "recipe.yaml"
    assert made.stdout == f"{recipe}\n"
    empty = typed("validate", recipe)
    assert (empty.returncode, "there is no seed in it" in empty.stderr) == (2, True)
    loaded = load_recipe(recipe)
    tools = load_tools(loaded.resolve("data/tools.json"))
    assert [tool.name for tool in tools] == ["get-time", "rooms_book", "import"]
    assert tools == load_tools(file)
    source = read_own_file(folder / "tools.py", tools)
    assert "def get_time():" in source
    assert "def rooms_book(to, note=None):" in source
    assert "def import_(**arguments):" in source
    seed = next(line for line in recipe.read_text().splitlines() if '"question"' in line)
    assert json.loads(seed.removeprefix("#"))["reference"] == [[{"name": "get-time", "arguments": {}}]]
    loaded.resolve("data/seeds.jsonl").write_text(seed.removeprefix("#"))
    # The functions are not written yet, and a run would not begin either.
    filled = typed("validate", recipe)
    assert (filled.returncode, "has no result" in filled.stderr) == (2, True)
    (folder / "tools.py").write_text(re.sub("raise NotImplementedError.*", 'return "12:00"', source))
    written = typed("validate", recipe)
    assert written.returncode == 0, written.stderr


def test_init_with_tools_that_ship_needs_no_file_of_functions(tmp_path: Path) -> None:
    shipped = ROOT / "data" / "tools" / "calculator.json"
    assert typed("init", tmp_path / "new", "--tools", shipped).returncode == 0
    assert not (tmp_path / "new" / "tools.py").exists()
    (tmp_path / "new" / "data" / "seeds.jsonl").write_text('{"question": "2 + 3?", "reference": "2 + 3"}')
    assert typed("validate", tmp_path / "new" / "recipe.yaml").returncode == 0
    assert load_tools(tmp_path / "new" / "data" / "tools.json") == load_tools(shipped)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tools", "{folder}/none.json"], "none.json: cannot be read"),
        (["--tools", "{folder}/bad.json"], "a list of at least one tool"),
        (["--tools", "{folder}/bad.json", "--recipe", "tools"], "two beginnings"),
    ],
)
def test_init_refuses_tools_that_are_none(tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "bad.json").write_text("{}")
    done = typed("init", tmp_path / "new", *(one.format(folder=tmp_path) for one in arguments))
    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "new").exists()
