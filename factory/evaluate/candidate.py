"""The models under evaluation and how each is prompted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from factory.context.lineage import Lineage, Planned, format_choice, model_id
from factory.context.plan import Plan
from factory.context.training_set import spread
from factory.evaluate.pairwise import judge_id
from factory.recipe.model import Teacher
from factory.seeds.seed import Seed
from factory.system.digest import content_id, file_sha256
from factory.tasks.kind import MAIN, PREFERRED, RIGHT
from factory.tasks.sample import Task
from factory.text.templates import template_digest

PRECISIONS = {
    None: "bfloat16",
    "w8a8-static": "INT8",
    "w8a8-dynamic": "INT8",
    "w4a16": "INT4",
    "mixed": "INT4 and INT8",
    "fp8": "FP8",
}

HEADED = "the bare question; a classification head answers with one of the labels"

Role = Literal["teacher", "base", "student", "student_quantized", "student_recovered"]
# Evaluation ids know the last role by its first name.
_FIRST_NAMES = {"student_recovered": "student_repaired"}


def put_tasks(plan: Plan) -> list[Seed]:
    """Return the held-out tasks of a source that are put to each model: all, or as many as the recipe says
    of each source."""
    tasks = plan.held_out
    return spread(tasks, plan.run.evaluation.max_tasks or len(tasks))


def task_of(seed: Seed) -> Task:
    """Return a held-out seed as it is put: as a user would, without its family, which would tell a teacher
    with examples the operation."""
    return Task(seed.seed_id, seed.language, "", seed.question, seed.reference, seed.input, tools=seed.tools)


@dataclass(frozen=True)
class Candidate:
    """One model under evaluation. `few_shot`: asked with examples and schema as in generation; otherwise the
    bare question, free text. `teacher`: asked with the switches of the recipe's teacher, because it is it.
    `head`: it writes nothing and answers by a classification head."""

    role: Role
    artifact_id: str
    name: str
    folder: Path
    few_shot: bool
    prompting: str
    precision: str
    teacher: Teacher | None = None
    head: bool = False

    def evaluation_id(self, plan: Plan) -> str:
        """Return the content id of this evaluation: the model, the tasks, how they are put and how they are
        judged."""
        run, recipe = plan.run, plan.run.loaded.recipe
        how: dict[str, Any] = {
            "role": _FIRST_NAMES.get(self.role, self.role),
            "artifact": self.artifact_id,
            "evaluate": run.evaluation.identity(exclude={"held_out", "max_tasks"}),
            "show_tools": run.student.show_tools,
            "max_model_len": recipe.teacher.max_model_len,
            "seed": recipe.seed,
        }
        sources = [self._asking(each) for each in measured(plan)]
        how |= sources[0] if len(plan.plans) == 1 else {"sources": sources}
        if self.few_shot:
            how |= self.teacher.switches if self.teacher else {}
        else:
            how |= format_choice(run)
        return content_id(how)

    def _asking(self, plan: Plan) -> dict[str, Any]:
        """Return how the tasks of a source are put and judged."""
        own = plan.kind.custom_tools(plan.data)
        how: dict[str, Any] = {
            "tasks": sorted(task.seed_id for task in put_tasks(plan)),
            "tools": [tool.model_dump() for tool in plan.tools],
            "own_tools": file_sha256(plan.run.loaded.resolve(own.python)) if own else None,
        } | plan.kind.evaluation_identity(plan.data)
        if template := plan.kind.asked_in:
            how["asked_in"] = template_digest(template, plan.run.workspace.prompts)
        if plan.kind.main_metric == PREFERRED:
            how["judge"] = judge_id(plan.run)
        if self.few_shot:
            how |= {
                "template": plan.taskset.template_digest,
                "examples": plan.data.examples,
                "seeds": plan.shown_seeds,
            }
        return how


def teacher_candidate(plan: Plan) -> Candidate:
    """Return the teacher, asked as in generation."""
    teacher, recipe = plan.run.teacher, plan.run.loaded.recipe
    asked = _by_source(plan, _teacher_prompting)
    made = model_id(teacher.name, teacher.revision)
    return Candidate("teacher", made, teacher.name, teacher.folder, True, asked, "", recipe.teacher)


def _teacher_prompting(plan: Plan) -> str:
    prompting = plan.kind.prompting
    shown = f"{plan.data.examples} worked examples from all over the seeds, "
    return f"{shown if prompting.examples else ''}{prompting.teacher}"


def measured(plan: Plan) -> list[Plan]:
    """Return the plans of the sources that have held-out tasks."""
    return [each for each in plan.plans if each.held_out]


def main_metric(plan: Plan) -> str:
    """Return the metric by which the recipe's models are compared above all: the share of right answers, as
    far as any of its sources has right ones."""
    found = {each.kind.main_metric for each in measured(plan)}
    return next((name for name in MAIN if name in found), RIGHT)


def _by_source(plan: Plan, say: Callable[[Plan], str]) -> str:
    """Return what is said of each measured source, once where it is the same of all."""
    said = {each.source.name: say(each) for each in measured(plan)}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{name}: {text}" for name, text in said.items())


def candidates(plan: Plan, lineage: Lineage) -> list[Candidate]:
    """Return the models that the recipe compares, in the report's order."""
    run, base, compress = plan.run, plan.run.base, plan.run.loaded.recipe.compress
    title = run.chat_format.title
    bare = _by_source(plan, lambda each: each.kind.prompting.read_as(title).base)
    taught = _by_source(plan, lambda each: each.kind.prompting.read_as(title).student)

    def made(role: Role, planned: Planned, precision: str) -> Candidate:
        folder = run.workspace.models / planned.name
        how, head = (HEADED, True) if run.labels else (taught, False)
        return Candidate(role, planned.artifact_id, planned.name, folder, False, how, precision, head=head)

    found = [teacher_candidate(plan)]
    if not run.reads_only:
        made_of = model_id(base.name, base.revision)
        found.append(Candidate("base", made_of, base.name, base.folder, False, bare, ""))
    found.append(made("student", lineage.student, "bfloat16"))
    if compress:
        precision = PRECISIONS[compress.quantize]
        found.append(made("student_quantized", lineage.quantized, precision))
        if compress.recover and lineage.is_made(lineage.recovered):
            found.append(made("student_recovered", lineage.recovered, precision))
    return found
