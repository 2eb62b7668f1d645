"""The pipeline's stage `recover`: decides whether a compressed model passes the accuracy gate, and has one
that does not trained by the student, compressed again and measured.

It is here and not beside the training (`factory.student.recover`) because what is decided comes of an
evaluation.
"""

from typing import ClassVar

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.stage import ModelRole, Stage, Step
from factory.evaluate.candidate import candidates
from factory.evaluate.gate import may_ship
from factory.evaluate.judge import unjudged
from factory.evaluate.stage import unmeasured
from factory.store.store import Store
from factory.student.trackers import require_trackers
from factory.system.process import KEEP_MEMORY


class RecoverStage(Stage):
    """Recovers a compressed model that lost too much."""

    name = "recover"
    needs = ("student", "compress", "evaluate")
    loads: ClassVar[tuple[ModelRole, ...]] = ("base",)
    environment = KEEP_MEMORY

    def preflight(self, plan: Plan) -> None:
        """Check that the recipe's trackers are installed."""
        require_trackers(plan.run)

    def owed(self, plan: Plan, store: Store, *, worked: bool) -> list[Step]:
        """Enter the decision of the gate, and return what it makes necessary: the training, then the
        evaluation of its outcome, then nothing."""
        lineage, settings = Lineage(plan.run, store), plan.run.loaded.recipe.compress
        assert settings is not None
        found = {candidate.role: candidate for candidate in candidates(plan, lineage)}
        passes = may_ship(plan, store, found["student_quantized"], found["student"])
        if passes or settings.recover is None:
            return []
        if "student_recovered" not in found:
            return [Step(self.name)]
        if owed := unmeasured(plan, lineage, store) or unjudged(plan, lineage, store):
            return owed
        may_ship(plan, store, found["student_recovered"], found["student"])
        return []

    def run(self, plan: Plan, store: Store, detail: str) -> str:
        """Train the compressed model and compress it again."""
        from factory.student.recover import recover

        return recover(plan.run, store)
