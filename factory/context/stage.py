"""A stage of the pipeline: what it needs, what can be checked before it, what it still owes, and how it runs.

Each room has its own in a file that imports nothing heavy before it runs; `factory.pipeline.stages` is the
table of them. Stages share nothing but the store. The stages of training inside of `distill` are another
thing: `factory.student.training_stage`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from factory.context.plan import Plan
from factory.store.store import Store

ModelRole = Literal["teacher", "base"]


@dataclass(frozen=True)
class Step:
    """A piece of work that is owed. `detail` says which piece of the stage it is."""

    stage: str
    detail: str = ""


class Stage(Protocol):
    """One stage. `needs` are the parts of a recipe without which it has nothing to do, `loads` the models for
    which there has to be memory, `environment` what its child process is started with; None: no child."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    loads: ClassVar[tuple[ModelRole, ...]] = ()
    environment: ClassVar[Mapping[str, str] | None] = None

    def preflight(self, plan: Plan) -> None:
        """Raise a FactoryError for what is known to be wrong before any stage has run. Loads no model."""

    def owed(self, plan: Plan, store: Store, *, worked: bool) -> list[Step]:
        """Return what is left to do; `worked`: an earlier stage of this command did something.

        It is asked again after these steps, until it names none that was not done: so a step may depend on
        what another one finds, and be a step of another stage.
        """
        ...

    def run(self, plan: Plan, store: Store, detail: str) -> str:
        """Do one step and return a line that sums it up."""
        ...
