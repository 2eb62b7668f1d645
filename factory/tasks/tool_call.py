"""The kind `tool_call`: a question, the call that answers it, the tool's result, the answer.

The teacher is asked for the call alone, as one JSON object, with worked examples before the question; the tool is then really executed.
The answer states the result in a sentence from a template: what was proved is the result, and a small teacher's own sentence about it
would only add errors.
"""

import json
import unicodedata
from typing import Any

from factory.digest import content_id
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.tasks.call import CallFault, call_schema, parse_call
from factory.tasks.sample import Sample, Task
from factory.tasks.vary import vary
from factory.templates import render, template_digest
from factory.tools.errors import ToolError
from factory.tools.registry import canonical_arguments, run_tool
from factory.tools.spec import ToolSpec

SYSTEM, ANSWER = "tool_call_system.j2", "tool_call_answer.j2"
FRUITLESS_ROUNDS = 20


class ToolCallKind:
    """Proposes tasks from seeds, renders them for the teacher, and reads its answers."""

    def __init__(self, seeds: list[Seed], tools: list[ToolSpec], *, examples: int, seed: int):
        self.tools = tools
        self.schema = call_schema(tools)
        self.template_digest = content_id([template_digest(SYSTEM), template_digest(ANSWER)])
        self._seeds = seeds
        self._seed = seed
        self._system = {"role": "system", "content": render(SYSTEM, tools=[tool.model_dump() for tool in tools])}
        self._count = examples
        self._by_id = {seed.seed_id: seed for seed in seeds}
        self._examples: dict[tuple[str, str], list[Seed]] = {}

    def propose(self, count: int) -> list[Task]:
        """Return `count` distinct tasks, going round the seeds; fewer if `FRUITLESS_ROUNDS` rounds in a row bring nothing new."""
        tasks: dict[str, Task] = {}
        variant, fruitless = 1, 0
        while len(tasks) < count and fruitless < FRUITLESS_ROUNDS:
            before = len(tasks)
            for seed in self._seeds:
                # A seed that cannot be varied is asked as it is, once.
                varied = vary(seed, variant, self._seed, self.solve) or ((seed.question, seed.reference) if variant == 1 else None)
                if varied and len(tasks) < count:
                    task = Task(seed.seed_id, seed.language, seed.family, *varied)
                    tasks.setdefault(task.task_id, task)
            fruitless = fruitless + 1 if len(tasks) == before else 0
            variant += 1
        # Tasks of one seed stand together: their prompts are alike but for the question, and the prefix cache holds only so much.
        order = {seed.seed_id: position for position, seed in enumerate(self._seeds)}
        return sorted(tasks.values(), key=lambda task: order[task.seed_id])

    def ask(self, task: Task) -> list[dict[str, Any]]:
        """Return the chat messages that put a task to the teacher.

        The worked examples are seeds of the task's language and family, always the same ones, so that requests share their beginning and
        vLLM's prefix cache pays it once; the last example is the seed that the task was made from, if there is one. A question never
        stands among its own examples.
        """
        origin = self._by_id.get(task.seed_id)
        examples = [seed for seed in self._family_examples(task.language, task.family) if seed is not origin]
        examples = [seed for seed in [*examples, *([origin] if origin else [])] if seed.question != task.question]
        messages = [self._system]
        for seed in examples[-self._count :] if self._count else []:
            call = json.dumps(self.reference_call(seed.reference), ensure_ascii=False)
            messages += [{"role": "user", "content": seed.question}, {"role": "assistant", "content": call}]
        return [*messages, {"role": "user", "content": task.question}]

    def read(self, task: Task, answer: Answer) -> Sample:
        """Return the sample that an answer makes, call executed; a bad answer makes a sample with a fault."""
        sample_id = content_id({"kind": "tool_call", "request": answer.key})
        call, result, fault, detail = None, None, answer.error, ""
        if fault is None:
            try:
                call = parse_call(answer.text, self.tools)
                result = run_tool(call["name"], call["arguments"])
            except CallFault as error:
                fault, detail = error.reason, error.detail
            except ToolError as error:
                fault, detail = "tool_error", str(error)
        sentence = render(ANSWER, language=task.language, result=result) if result is not None else None
        said = [call["name"], canonical_arguments(call["name"], call["arguments"])] if call else answer.text
        return Sample(
            sample_id=sample_id,
            task=task,
            text=answer.text,
            call=call,
            fault=fault,
            result=result,
            answer=sentence,
            messages=path_messages(task.question, call, result, sentence) if call and result is not None and sentence else None,
            content_id=content_id([_normal(task.question), said]),
            detail=detail,
        )

    def solve(self, reference: str) -> str | None:
        """Return the result of a reference, or None if it has none."""
        try:
            return run_tool(self.tools[0].name, {self._argument: reference})
        except ToolError:
            return None

    def reference_call(self, reference: str) -> dict[str, Any]:
        """Return the call that a reference stands for."""
        return {"name": self.tools[0].name, "arguments": {self._argument: reference}}

    @property
    def _argument(self) -> str:
        return str(next(iter(self.tools[0].function.parameters["properties"])))

    def _family_examples(self, language: str, family: str) -> list[Seed]:
        if (language, family) not in self._examples:
            spoken = [seed for seed in self._seeds if seed.language == language] or self._seeds
            nearest = [seed for seed in spoken if seed.family == family]
            others = [seed for seed in spoken if seed.family != family]
            wanted = min(self._count, len(others))
            spread = [others[i * len(others) // wanted] for i in range(wanted)]
            # The nearest come last, next to the question.
            self._examples[language, family] = list(reversed((nearest + spread)[: self._count]))
        return self._examples[language, family]


def path_messages(question: str, call: dict[str, Any], result: str, answer: str) -> list[dict[str, Any]]:
    """Return question, call, result and answer as chat messages in OpenAI form."""
    function = {"name": call["name"], "arguments": json.dumps(call["arguments"], ensure_ascii=False)}
    return [
        {"role": "user", "content": question},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
        {"role": "assistant", "content": answer},
    ]


def _normal(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum() or char in ".+-*/%^()")
