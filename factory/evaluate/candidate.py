"""Who is evaluated, and how each is asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from factory.context.lineage import Lineage, Planned, model_id
from factory.context.plan import Plan
from factory.system.digest import content_id, file_sha256

PRECISIONS = {
    None: "bfloat16",
    "w8a8-static": "INT8",
    "w8a8-dynamic": "INT8",
    "w4a16": "INT4",
    "mixed": "INT4 and INT8",
    "fp8": "FP8",
}

Role = Literal["teacher", "base", "student", "student_quantized", "student_repaired"]


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

    def evaluation_id(self, plan: Plan) -> str:
        """Return the content id of this evaluation: the model, the tasks, how they are put and how they are
        judged."""
        run, recipe = plan.run, plan.run.loaded.recipe
        own = recipe.data.own_tools if recipe.data.kind == "tool_call" else None
        how: dict[str, Any] = {
            "role": self.role,
            "artifact": self.artifact_id,
            "tasks": sorted(task.seed_id for task in plan.held_out),
            "evaluate": run.evaluation.model_dump(exclude={"held_out"}),
            "show_tools": run.student.show_tools,
            "tools": [tool.model_dump() for tool in plan.tools],
            "own_tools": file_sha256(run.loaded.resolve(own.python)) if own else None,
            "max_model_len": recipe.teacher.max_model_len,
            "seed": recipe.seed,
        }
        if self.few_shot:
            how |= {
                "template": plan.kind.template_digest,
                "examples": recipe.data.examples,
                "seeds": plan.shown_seeds,
            }
        return content_id(how)


def teacher_candidate(plan: Plan) -> Candidate:
    """Return the teacher, asked as in generation."""
    teacher, data = plan.run.teacher, plan.run.loaded.recipe.data
    schema = "; a JSON schema is enforced" if data.kind == "tool_call" else ""
    asked = f"{data.examples} worked examples from all over the seeds, then the question{schema}"
    made = model_id(teacher.name, teacher.revision)
    return Candidate("teacher", made, teacher.name, teacher.folder, True, asked, "")


def candidates(plan: Plan, lineage: Lineage) -> list[Candidate]:
    """Return the models that the recipe compares, in the report's order."""
    base, compress = plan.run.base, plan.run.loaded.recipe.compress
    calls = plan.run.loaded.recipe.data.kind == "tool_call"
    bare = (
        f"the bare question; free text, read {'as a Hermes tool call' if calls else 'for its final answer'}"
    )
    own = bare if calls else "the question as the task of reasoning; free text, read for its final answer"

    def made(role: Role, planned: Planned, precision: str) -> Candidate:
        folder = plan.run.workspace.models / planned.name
        return Candidate(role, planned.artifact_id, planned.name, folder, False, own, precision)

    found = [
        teacher_candidate(plan),
        Candidate("base", model_id(base.name, base.revision), base.name, base.folder, False, bare, ""),
        made("student", lineage.student, "bfloat16"),
    ]
    if compress:
        precision = PRECISIONS[compress.quantize]
        found.append(made("student_quantized", lineage.quantized, precision))
        if compress.repair and lineage.is_made(lineage.recovered):
            found.append(made("student_repaired", lineage.recovered, precision))
    return found
