"""How held-out questions are put to a model that is to reason, and how its final answers are judged."""

from typing import Any

from factory.seeds.seed import Seed
from factory.tasks.rationale.multitask import PREFIXES, RATIONALE
from factory.tasks.rationale.taskset import RationaleTaskset
from factory.tasks.sample import Task
from factory.tasks.scorer import ACCURACY, Asked, Dialogue, bare
from factory.tasks.taskset import Ask
from factory.text.answers.equality import compare


class RationaleScorer:
    """Rationales: right is a final answer that is the reference's, as mathematics or as text. A student
    reasons first."""

    metrics = ACCURACY
    judge, judged = f"{__package__}.portable", tuple(ACCURACY)

    def __init__(self, taskset: RationaleTaskset, held_out: list[Seed]):
        self._taskset = taskset
        self._seeds = {seed.seed_id: seed for seed in held_out}

    def put(self, candidate: Asked, task: Task) -> Dialogue:
        """Ask with examples where the model is the teacher, the bare question of others, of a student with
        its task's prefix; read the final answer and compare."""
        prefix = "" if candidate.role == "base" else PREFIXES[RATIONALE]
        asked = self._taskset.ask(task) if candidate.few_shot else bare(f"{prefix}{task.question}")
        text = (yield Ask(asked)).text
        answer = self._taskset.final_answer(text)
        right = answer is not None and compare(answer, task.reference).equal
        return {
            "call": None,
            "result": answer,
            "parsed": answer is not None,
            "same_call": False,
            "right_answer": right,
        }

    @property
    def about(self) -> dict[str, Any]:
        """What the judge of others has to know: the recipe's own mark of answers."""
        return {"answer_mark": self._taskset.answer_mark}

    def expected(self, task: Task) -> str:
        """Return the final answer that is right."""
        return task.reference

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return the task's own rationale with its answer, if it has one."""
        seed = self._seeds[task.seed_id]
        return ("", self._taskset.worked(seed)) if seed.rationale else None
