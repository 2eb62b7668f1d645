"""How held-out instructions are put to a model. Which of two answers is better, a judge says later
(`factory.evaluate.judge`): no answer is the right one."""

from factory.chat_formats.unreadable import unreadable
from factory.tasks.instruction.taskset import InstructionTaskset
from factory.tasks.sample import Task
from factory.tasks.scorer import READABLE, Asked, Dialogue
from factory.tasks.taskset import Ask
from factory.text.thinking import without_thinking


class InstructionScorer:
    """Instructions: every model reads what the student was taught to read, the teacher too, without
    examples."""

    metrics = READABLE

    def __init__(self, taskset: InstructionTaskset):
        self._taskset = taskset

    def put(self, candidate: Asked, task: Task) -> Dialogue:
        """Ask, and keep what can be read of the answer."""
        answer = yield Ask(self._taskset.ask(task))
        said = without_thinking(answer.text)
        readable = unreadable(said) is None
        return {
            "call": None,
            "result": said.strip() if readable else None,
            "parsed": readable,
            "same_call": False,
            "right_answer": None,
        }

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return the held-out answer, where there is one."""
        return ("", task.reference) if task.reference else None
