"""New tasks from seeds, round after round: each seed in turn, with other numbers each time.

Promise: distinct tasks in an order that follows from the seeds alone; a seed that cannot be varied is asked
as it is, once. It ends when `FRUITLESS_ROUNDS` rounds in a row bring nothing new. Memory: one id for each
task.
"""

import itertools
from collections.abc import Callable, Iterator

from factory.seeds.seed import Seed
from factory.tasks.sample import Task

FRUITLESS_ROUNDS = 20


def rounds(seeds: list[Seed], vary: Callable[[Seed, int], tuple[str, str] | None]) -> Iterator[Task]:
    """Yield tasks; `vary` gives question and reference of a seed's variant (from 1), or None if it has
    none."""
    seen: set[str] = set()
    fruitless = 0
    for variant in itertools.count(1):
        before = len(seen)
        for seed in seeds:
            varied = vary(seed, variant) or ((seed.question, seed.reference) if variant == 1 else None)
            if varied is None:
                continue
            task = Task(seed.seed_id, seed.language, seed.family, *varied, tools=seed.tools)
            if task.task_id not in seen:
                seen.add(task.task_id)
                yield task
        fruitless = fruitless + 1 if len(seen) == before else 0
        if fruitless == FRUITLESS_ROUNDS:
            return
