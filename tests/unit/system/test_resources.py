"""The files that come with the factory are found in a checkout and in an installed wheel alike."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from factory.errors import FactoryError
from factory.system.resources import resource

ROOMS = ("prompts", "schemas", "pipelines", "data")
CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("room", ROOMS)
def test_a_checkout_is_read_in_place(room: str) -> None:
    assert resource(room) == CHECKOUT / room


def test_what_is_missing_is_named() -> None:
    with pytest.raises(FactoryError, match="prompts/no-such-file"):
        resource("prompts", "no-such-file")


def test_a_wheel_carries_every_file_of_the_rooms(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from factory.system.resources import resource; "
        "print(resource(sys.argv[2]))"
    )
    for room in ROOMS:
        command = [sys.executable, "-I", "-c", program, str(site), room]
        found = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
        assert found == site / "factory" / room
        shipped = {path.relative_to(found) for path in found.rglob("*") if path.is_file()}
        assert shipped == {
            path.relative_to(CHECKOUT / room) for path in (CHECKOUT / room).rglob("*") if path.is_file()
        }
