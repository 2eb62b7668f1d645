"""Who is evaluated, and how each is asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from factory.context.context import Context
from factory.context.lineage import (
    format_choice,
    is_made,
    model_id,
    plan_quantized,
    plan_recovered,
    plan_student,
    spread,
    training_samples,
)
from factory.seeds.seed import Seed
from factory.store.store import Store
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


def put_tasks(context: Context) -> list[Seed]:
    """Return the held-out tasks that are put to each model: all, or as many of them as the recipe says."""
    tasks = context.held_out
    return spread(tasks, context.evaluation.max_tasks or len(tasks))


@dataclass(frozen=True)
class Candidate:
    """One model under evaluation. `as_teacher`: asked with examples and schema as in generation; otherwise
    the bare question, free text."""

    role: Role
    artifact_id: str
    name: str
    folder: Path
    few_shot: bool
    prompting: str
    precision: str

    def evaluation_id(self, context: Context) -> str:
        """Return the content id of this evaluation: the model, the tasks, how they are put and how they are
        judged."""
        recipe = context.loaded.recipe
        own = context.kind.custom_tools(recipe.data)
        how: dict[str, Any] = {
            "role": _FIRST_NAMES.get(self.role, self.role),
            "artifact": self.artifact_id,
            "tasks": sorted(task.seed_id for task in put_tasks(context)),
            "evaluate": context.evaluation.identity(exclude={"held_out", "max_tasks"}),
            "show_tools": context.student.show_tools,
            "tools": [tool.model_dump() for tool in context.tools],
            "own_tools": file_sha256(context.loaded.resolve(own.python)) if own else None,
            "max_model_len": recipe.teacher.max_model_len,
            "seed": recipe.seed,
        }
        if self.few_shot:
            how |= {
                "template": context.taskset.template_digest,
                "examples": recipe.data.examples,
                "seeds": context.shown_seeds,
            }
        else:
            how |= format_choice(context)
        return content_id(how)


def candidates(context: Context, store: Store) -> list[Candidate]:
    """Return the models that the recipe compares, in the report's order."""
    samples = training_samples(store)
    teacher, base = context.teacher, context.base
    examples = context.loaded.recipe.data.examples
    prompting = context.kind.prompting.read_as(context.chat_format.title)
    asked = f"{examples} worked examples from all over the seeds, {prompting.teacher}"
    own = prompting.student
    found = [
        Candidate(
            "teacher", model_id(teacher.name, teacher.revision), teacher.name, teacher.folder, True, asked, ""
        ),
        Candidate(
            "base", model_id(base.name, base.revision), base.name, base.folder, False, prompting.base, ""
        ),
    ]
    student = plan_student(context, samples)
    found.append(
        Candidate(
            "student",
            student.artifact_id,
            student.name,
            context.workspace.models / student.name,
            False,
            own,
            "bfloat16",
        )
    )
    if compress := context.loaded.recipe.compress:
        small = plan_quantized(context, samples)
        folder, precision = context.workspace.models / small.name, PRECISIONS[compress.quantize]
        found.append(
            Candidate("student_quantized", small.artifact_id, small.name, folder, False, own, precision)
        )
        if compress.recover and is_made(context, store, recovered := plan_recovered(context, samples)):
            folder = context.workspace.models / recovered.name
            found.append(
                Candidate(
                    "student_recovered", recovered.artifact_id, recovered.name, folder, False, own, precision
                )
            )
    return found
