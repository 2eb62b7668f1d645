"""The pipeline's stage `distill`: trains the student through the recipe's stages of training and merges
it."""

from typing import ClassVar

from factory.compress.preflight import require_prunable
from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.stage import ModelRole, Stage, Step
from factory.store.store import Store
from factory.student.preflight import (
    require_chat_tokens,
    require_head,
    require_same_tokens,
    require_trainable,
    require_tutor,
)
from factory.student.trackers import require_trackers
from factory.system.process import KEEP_MEMORY


class TrainStage(Stage):
    """Trains and merges the student. An interrupted training resumes from its last checkpoint."""

    name = "distill"
    needs = ("student",)
    loads: ClassVar[tuple[ModelRole, ...]] = ("teacher", "base")
    environment = KEEP_MEMORY

    def preflight(self, plan: Plan) -> None:
        """Check that the base suits the chat template, the teacher and the pruning."""
        run = plan.run
        require_trackers(run)
        require_trainable(run)
        require_head(run)
        if not run.reads_only:
            require_chat_tokens(run)
        require_tutor(run, sum(len(source.seeds) for source in plan.plans))
        compares = any(stage.taught and not run.student.has_tutor(stage) for stage in run.student.stages)
        if compares and not run.labels and not run.loaded.recipe.teacher.endpoints:
            require_same_tokens(run)
        if run.student.prune and run.base.ready:
            require_prunable(run.base.facts(), run.student.prune)

    def owed(self, plan: Plan, store: Store, *, worked: bool) -> list[Step]:
        """Return one step until the merged student is there."""
        lineage = Lineage(plan.run, store)
        lineage.require_samples()
        return [] if lineage.is_made(lineage.student) else [Step(self.name)]

    def run(self, plan: Plan, store: Store, detail: str) -> str:
        """Train what is missing."""
        from factory.student.train import train

        return train(plan.run, store)
