"""The pipeline's stage `compress`: makes the trained student smaller."""

from typing import ClassVar

from factory.compress.preflight import require_compressible, require_written
from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.stage import ModelRole, Stage, Step
from factory.store.store import Store
from factory.system.machine import has_gpu, machine
from factory.system.process import KEEP_MEMORY


class CompressStage(Stage):
    """Prunes, cuts and quantizes the student."""

    name = "compress"
    needs = ("compress", "student")
    loads: ClassVar[tuple[ModelRole, ...]] = ("base",)
    environment = KEEP_MEMORY

    def preflight(self, plan: Plan) -> None:
        """Check that the settings suit the base and can be served on this machine."""
        run, settings = plan.run, plan.run.loaded.recipe.compress
        assert settings is not None
        require_written(run)
        if run.base.ready:
            sets, pruned = machine()["instruction_sets"], run.student.prune
            require_compressible(settings, run.base.facts(), sets, gpu=has_gpu(), pruned=pruned)

    def owed(self, plan: Plan, store: Store, *, worked: bool) -> list[Step]:
        """Return one step until the compressed student is there."""
        lineage = Lineage(plan.run, store)
        lineage.require_samples()
        lineage.require_made(lineage.student, "student", "distill")
        return [] if lineage.is_made(lineage.quantized) else [Step(self.name)]

    def run(self, plan: Plan, store: Store, detail: str) -> str:
        """Compress the student."""
        from factory.compress.compression import compress

        return compress(plan.run, store)
