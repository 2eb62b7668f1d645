"""The folders of the factory import each other as CONTRIBUTING.md says: never upwards, never in a circle."""

import shutil
from pathlib import Path

import pytest

from tests.support.layers import faults, read_layers

ROOT = Path(__file__).parents[2]
LAYERS = read_layers((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


def test_what_is_imported_is_below_or_beside() -> None:
    assert faults(ROOT / "factory", LAYERS) == []


@pytest.mark.parametrize(
    ("planted", "file", "found"),
    [
        ("from factory.cli.main import main", "text/near.py", "text imports cli, which is in a higher layer"),
        (
            "    import factory.pipeline.loop",
            "errors.py",
            "errors imports pipeline, which is in a higher layer",
        ),
        (
            "from factory import student",
            "compress/prune.py",
            "compress imports student, which imports it in turn",
        ),
    ],
)
def test_an_import_that_breaks_it_is_named_with_file_and_line(
    tmp_path: Path, planted: str, file: str, found: str
) -> None:
    package = tmp_path / "factory"
    shutil.copytree(ROOT / "factory", package, ignore=shutil.ignore_patterns("__pycache__"))
    path = package / file
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n\ndef planted():\n    {planted.strip()}\n", encoding="utf-8")
    line = path.read_text(encoding="utf-8").count("\n")
    assert f"{path}:{line}: {found}" in faults(package, LAYERS)


def test_a_folder_without_a_layer_and_a_layer_without_a_folder_are_named(tmp_path: Path) -> None:
    package = tmp_path / "factory"
    (package / "attic").mkdir(parents=True)
    (package / "attic" / "__init__.py").touch()
    (package / "errors.py").touch()
    assert faults(package, [["errors"], ["cellar"]]) == [
        "attic: in no layer of CONTRIBUTING.md",
        "cellar: in CONTRIBUTING.md and not in factory/",
    ]
