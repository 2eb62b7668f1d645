"""The choice of worked examples for a prompt.

Promise: always the same ones for a language and a family, so that requests share their beginning and vLLM's
prefix cache pays it once; the last example is the seed that the task was made from, if there is one. A
question is never among its own examples, and none twice.
"""

from factory.seeds.seed import Seed
from factory.tasks.sample import Task


class Examples:
    """At most `count` of the seeds."""

    def __init__(self, seeds: list[Seed], count: int):
        self._seeds, self._count = seeds, count
        self._by_id = {seed.seed_id: seed for seed in seeds}
        self._by_family: dict[tuple[str, str], list[Seed]] = {}

    def before(self, task: Task) -> list[Seed]:
        """Return the examples of a task, the nearest last."""
        origin = self._by_id.get(task.seed_id)
        family = [seed for seed in self._of_family(task.language, task.family) if seed is not origin]
        fitting = [
            seed for seed in [*family, *([origin] if origin else [])] if seed.question != task.question
        ]
        return fitting[-self._count :] if self._count else []

    def _of_family(self, language: str, family: str) -> list[Seed]:
        if (language, family) not in self._by_family:
            spoken = [seed for seed in self._seeds if seed.language == language] or self._seeds
            nearest = [seed for seed in spoken if seed.family == family]
            others = [seed for seed in spoken if seed.family != family]
            wanted = min(self._count, len(others))
            spread = [others[i * len(others) // wanted] for i in range(wanted)]
            # The nearest come last, next to the question.
            self._by_family[language, family] = list(reversed((nearest + spread)[: self._count]))
        return self._by_family[language, family]
