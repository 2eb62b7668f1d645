"""The pipeline's stage `evaluate`: measures every model of the recipe on the held-out tasks, each in a
process that has loaded no other; then a judge compares the answers of which none is the right one."""

from pathlib import Path
from typing import ClassVar

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.stage import ModelRole, Stage, Step
from factory.evaluate.candidate import candidates
from factory.evaluate.judge import JUDGE, judge, unjudged
from factory.inference.environment import ENVIRONMENT
from factory.store.store import Store


class EvaluateStage(Stage):
    """Measures the models that have no figures yet; `detail` names their roles, or the judge."""

    name = "evaluate"
    needs = ("student", "evaluate")
    loads: ClassVar[tuple[ModelRole, ...]] = ("teacher", "base")
    environment = ENVIRONMENT

    def owed(self, plan: Plan, store: Store, *, worked: bool) -> list[Step]:
        """Return a step for each model that is not measured; then, where answers are compared, the
        judge's."""
        lineage = Lineage(plan.run, store)
        lineage.require_samples()
        lineage.require_made(lineage.student, "student", "distill")
        if plan.run.loaded.recipe.compress:
            lineage.require_made(lineage.quantized, "compressed student", "compress")
        return unmeasured(plan, lineage, store) or unjudged(plan, lineage, store)

    def run(self, plan: Plan, store: Store, detail: str) -> str:
        """Measure one model in the roles that `detail` names, or have the judge compare."""
        from factory.evaluate.measure import measure
        from factory.generate.teacher import open_teacher
        from factory.models.artifact import verify
        from factory.models.folder import inspect

        if detail == JUDGE:
            return judge(plan, store, open_teacher(plan.run))
        roles, lineage = detail.split(), Lineage(plan.run, store)
        asked = [candidate for candidate in candidates(plan, lineage) if candidate.role in roles]
        teacher = plan.run.loaded.recipe.teacher
        if asked[0].role == "teacher" and teacher.endpoints:
            return measure(plan, store, asked[0], open_teacher(plan.run), local=False)
        if asked[0].folder.is_relative_to(plan.run.workspace.models):
            verify(asked[0].folder)
        if asked[0].head:
            from factory.inference.classifier import Classifier

            return measure(plan, store, asked[0], Classifier(asked[0].folder))
        from factory.inference.engine import Engine

        facts, untaught = inspect(asked[0].folder), {}
        if not facts.has_chat_template:
            # A base that was only pretrained is asked as its student is.
            template = plan.run.chat_format.chat_template(
                show_tools=plan.run.student.show_tools, own=plan.run.workspace.prompts
            )
            untaught = {"chat_template": template, "turn_end": plan.run.chat_format.turn_end}
        engine = Engine(
            asked[0].folder,
            max_model_len=min(teacher.max_model_len, facts.positions or teacher.max_model_len),
            concurrency=32,
            kv_cache_gb=teacher.kv_cache_gb,
            marks=plan.run.chat_format.call_marks,
            **untaught,
        )
        return "\n  ".join(measure(plan, store, candidate, engine) for candidate in asked)


def unmeasured(plan: Plan, lineage: Lineage, store: Store) -> list[Step]:
    """Return a step for each model without figures: where teacher and base are the same model, it is loaded
    once and measured in both roles."""
    done = {row["evaluation_id"] for row in store.query("SELECT DISTINCT evaluation_id FROM evaluations")}
    roles: dict[Path, list[str]] = {}
    for candidate in candidates(plan, lineage):
        if candidate.evaluation_id(plan) not in done:
            roles.setdefault(candidate.folder, []).append(candidate.role)
    return [Step(EvaluateStage.name, " ".join(together)) for together in roles.values()]
