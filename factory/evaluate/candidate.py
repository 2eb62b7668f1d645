"""The models under evaluation and how each is prompted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from factory.context.lineage import Lineage, Planned, format_choice, model_id
from factory.context.plan import Plan
from factory.context.training_set import spread
from factory.recipe.model import Teacher
from factory.seeds.seed import Seed
from factory.system.digest import content_id, file_sha256

PRECISIONS = {
    None: "bfloat16",
    "w8a8-static": "INT8",
    "w8a8-dynamic": "INT8",
    "w4a16": "INT4",
    "mixed": "INT4 and INT8",
    "fp8": "FP8",
}

Role = Literal["teacher", "base", "student", "student_quantized", "student_recovered"]
# Evaluation ids know the last role by its first name.
_FIRST_NAMES = {"student_recovered": "student_repaired"}


def put_tasks(plan: Plan) -> list[Seed]:
    """Return the held-out tasks that are put to each model: all, or as many of them as the recipe says."""
    tasks = plan.held_out
    return spread(tasks, plan.run.evaluation.max_tasks or len(tasks))


@dataclass(frozen=True)
class Candidate:
    """One model under evaluation. `few_shot`: asked with examples and schema as in generation; otherwise the
    bare question, free text. `teacher`: asked with the switches of the recipe's teacher, because it is it."""

    role: Role
    artifact_id: str
    name: str
    folder: Path
    few_shot: bool
    prompting: str
    precision: str
    teacher: Teacher | None = None

    def evaluation_id(self, plan: Plan) -> str:
        """Return the content id of this evaluation: the model, the tasks, how they are put and how they are
        judged."""
        run, recipe = plan.run, plan.run.loaded.recipe
        own = run.kind.custom_tools(recipe.data)
        how: dict[str, Any] = {
            "role": _FIRST_NAMES.get(self.role, self.role),
            "artifact": self.artifact_id,
            "tasks": sorted(task.seed_id for task in put_tasks(plan)),
            "evaluate": run.evaluation.identity(exclude={"held_out", "max_tasks"}),
            "show_tools": run.student.show_tools,
            "tools": [tool.model_dump() for tool in plan.tools],
            "own_tools": file_sha256(run.loaded.resolve(own.python)) if own else None,
            "max_model_len": recipe.teacher.max_model_len,
            "seed": recipe.seed,
        }
        how |= run.kind.evaluation_identity(plan.data)
        if self.few_shot:
            how |= {
                "template": plan.taskset.template_digest,
                "examples": recipe.data.examples,
                "seeds": plan.shown_seeds,
            }
            how |= self.teacher.switches if self.teacher else {}
        else:
            how |= format_choice(run)
        return content_id(how)


def teacher_candidate(plan: Plan) -> Candidate:
    """Return the teacher, asked as in generation."""
    teacher, recipe = plan.run.teacher, plan.run.loaded.recipe
    asked = f"{recipe.data.examples} worked examples from all over the seeds, "
    asked += plan.run.kind.prompting.teacher
    made = model_id(teacher.name, teacher.revision)
    return Candidate("teacher", made, teacher.name, teacher.folder, True, asked, "", recipe.teacher)


def candidates(plan: Plan, lineage: Lineage) -> list[Candidate]:
    """Return the models that the recipe compares, in the report's order."""
    run, base, compress = plan.run, plan.run.base, plan.run.loaded.recipe.compress
    prompting = run.kind.prompting.read_as(run.chat_format.title)

    def made(role: Role, planned: Planned, precision: str) -> Candidate:
        folder = run.workspace.models / planned.name
        return Candidate(role, planned.artifact_id, planned.name, folder, False, prompting.student, precision)

    found = [
        teacher_candidate(plan),
        Candidate(
            "base", model_id(base.name, base.revision), base.name, base.folder, False, prompting.base, ""
        ),
        made("student", lineage.student, "bfloat16"),
    ]
    if compress:
        precision = PRECISIONS[compress.quantize]
        found.append(made("student_quantized", lineage.quantized, precision))
        if compress.recover and lineage.is_made(lineage.recovered):
            found.append(made("student_recovered", lineage.recovered, precision))
    return found
