"""What every test shares."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.pipeline.small import Finished, factory, write_recipe

# A busy machine is no fault of an example: hypothesis' own limit of 200 ms each would make it one.
settings.register_profile("factory", deadline=None)
settings.load_profile("factory")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "finished" in getattr(item, "fixturenames", ()):
            item.add_marker("alone")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A small recipe, run through every stage once for all tests that look at the outcome; in the folder FINISHED_RUN, where that is set,
    for several calls of pytest."""
    folder = Path(os.environ.get("FINISHED_RUN") or tmp_path_factory.mktemp("finished run"))
    folder.mkdir(exist_ok=True)
    recipe = write_recipe(folder)
    done = factory("run", recipe, "-w", folder / "work space")
    assert done.returncode == 0, done.stderr
    return Finished(recipe, folder / "work space", done.stderr, done.stdout)
