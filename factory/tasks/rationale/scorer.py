"""How held-out questions are put to a model that is to reason, and how its final answers are judged."""

from typing import Any

from factory.seeds.seed import Seed
from factory.tasks.rationale.multitask import PREFIXES, RATIONALE
from factory.tasks.rationale.taskset import RationaleTaskset
from factory.tasks.sample import Task
from factory.tasks.scorer import ACCURACY, Asked, bare
from factory.text.answers.equality import compare


class RationaleScorer:
    """Rationales: right is a final answer that is the reference's, as mathematics or as text. A student
    reasons first."""

    metrics = ACCURACY
    tools: list[dict[str, Any]] | None = None

    def __init__(self, taskset: RationaleTaskset, held_out: list[Seed]):
        self._taskset = taskset
        self._seeds = {seed.seed_id: seed for seed in held_out}

    def ask(self, candidate: Asked, task: Task) -> list[dict[str, Any]]:
        """Return examples and question for the teacher, the bare question for others, a student's with its
        task's prefix."""
        if candidate.few_shot:
            return self._taskset.ask(task)
        return bare(task.question if candidate.role == "base" else f"{PREFIXES[RATIONALE]}{task.question}")

    def schema(self, candidate: Asked) -> dict[str, Any] | None:
        """Return nothing: reasoning has no form."""
        return None

    def judge(self, candidate: Asked, task: Task, text: str) -> dict[str, Any]:
        """Read the final answer and compare."""
        answer = self._taskset.final_answer(text)
        right = answer is not None and compare(answer, task.reference).equal
        return {
            "call": None,
            "result": answer,
            "parsed": answer is not None,
            "same_call": False,
            "right_answer": right,
        }

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return the task's own rationale with its answer, if it has one."""
        seed = self._seeds[task.seed_id]
        return ("", self._taskset.worked(seed)) if seed.rationale else None
