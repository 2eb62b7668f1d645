"""The finished run that the tests here look at, and a copy of it for those that go on with it."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.support.small_run import Finished, copy_workspace, factory, write_recipe

HERE = Path(__file__).parent
# What is made here on a slow processor takes its time; a hung engine must not hang the suite.
SECONDS = 3600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that went through every stage: the workspace FINISHED_RUN, which is only read, or else a small
    recipe's, made once for all processes of this call."""
    if made := os.environ.get("FINISHED_RUN"):
        return Finished.in_workspace(Path(made), tmp_path_factory.mktemp("recipes"))
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder /= "finished run"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        recipe = folder / "recipe.yaml"
        if not recipe.exists():
            write_recipe(folder)
        done = factory("run", recipe, "-w", folder / "work space")
    assert done.returncode == 0, done.stderr
    return Finished(recipe, folder / "work space")


@pytest.fixture(scope="module")
def own_run(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A copy of the finished run, which the tests of one module go on with, one after the other."""
    folder = tmp_path_factory.mktemp("own run")
    return Finished(finished.recipe, copy_workspace(finished.workspace, folder / "work space"))
