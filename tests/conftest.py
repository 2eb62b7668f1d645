"""What every test shares."""

import fcntl
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.small_run import Finished, factory, write_recipe

# A busy machine is no fault of an example: hypothesis' own limit of 200 ms each would make it one.
settings.register_profile("factory", deadline=None)
settings.load_profile("factory")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "finished" in names:
            item.add_marker("slow")
            if "own_run" not in names:
                item.add_marker("alone")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A small recipe, run through every stage once for all tests that look at the outcome; in the folder
    FINISHED_RUN, where that is set, for several calls of pytest on the same code."""
    folder = Path(os.environ.get("FINISHED_RUN") or tmp_path_factory.mktemp("finished run"))
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        recipe = folder / "recipe.yaml"
        if not recipe.exists():
            write_recipe(folder)
        done = factory("run", recipe, "-w", folder / "work space")
    assert done.returncode == 0, done.stderr
    return Finished(recipe, folder / "work space", done.stderr, done.stdout)


@pytest.fixture
def own_run(finished: Finished, tmp_path: Path) -> Finished:
    """A copy of the finished run's workspace, for a test that changes it; such tests run beside each
    other."""
    shutil.copytree(finished.workspace, tmp_path / "work space")
    return replace(finished, workspace=tmp_path / "work space")
