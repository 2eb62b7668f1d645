"""The training stage on a finished run: what it refuses."""

import dataclasses

import pytest

pytest.importorskip("torch")

from factory.context.run import Run
from factory.errors import FactoryError
from factory.recipe import load_recipe
from factory.store.store import Store
from factory.student.train import train
from factory.system.progress import Progress
from factory.workspace import Workspace
from tests.support.small_run import Finished

pytestmark = pytest.mark.model


def test_data_of_another_teacher_is_refused(finished: Finished) -> None:
    context = Run(load_recipe(finished.recipe), Workspace(finished.workspace), Progress())
    vars(context)["teacher"] = dataclasses.replace(context.teacher, revision="another")
    with Store(context.workspace.store, context.workspace.ledger) as store:
        (made,) = store.query("SELECT count(*) AS n FROM artifacts")
        with pytest.raises(
            FactoryError,
            match=r"the teacher is .* at another, and the data holds samples of another one: \d+ of",
        ):
            train(context, store)
        assert store.query("SELECT count(*) AS n FROM artifacts") == [made]
