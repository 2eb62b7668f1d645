"""Every fault of the files that a recipe's data names, told at once: seeds, held-out tasks, tools, schema;
and held-out tasks that are seeds.

Promise: nothing is changed, no model is loaded, nothing is fetched: seeds of the hub are not looked at. What
a kind looks at before a run it looks at here, own tools in their child process among it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from factory.context.plan import Plan
from factory.errors import InputError
from factory.recipe.seeds import is_local
from factory.seeds.seed import Seed
from factory.text.gathered import RowFault, gathered

APART = "A model is measured by what it has not learnt: take these tasks out of one of the files."


def require_whole_data(plan: Plan) -> None:
    """Raise InputError with every fault of the files of all sources."""
    faults: list[InputError] = []
    seeds: list[Seed] = []
    held_out: list[Seed] = []
    for each in plan.plans:
        before, local = len(faults), is_local(plan.run.loaded, each.source)
        if local:
            with _caught(faults):
                seeds += each.seeds
        with _caught(faults):
            held_out += each.held_out
        with _caught(faults):
            _ = each.tools
        if local and len(faults) == before:
            with _caught(faults):
                each.kind.require(each.prepared(learns=plan.run.loaded.recipe.student is not None))
    if shared := shared_tasks(seeds, held_out):
        faults.append(InputError("\n".join(shared), APART))
    if faults:
        hints = dict.fromkeys(fault.hint for fault in faults if fault.hint)
        raise InputError("\n".join(dict.fromkeys(fault.message for fault in faults)), "\n  ".join(hints))


@contextmanager
def _caught(faults: list[InputError]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        faults.append(error)


def shared_tasks(seeds: Iterable[Seed], held_out: Iterable[Seed]) -> list[str]:
    """Return what to tell of held-out tasks that are seeds, of whichever source."""
    known = {_asked(seed): seed for seed in seeds}
    return gathered(
        RowFault(
            task.source,
            task.line,
            f"the held-out task {task.name} is a seed too: {seed.name} ({seed.source}:{seed.line})",
            "a seed",
        )
        for task in held_out
        if (seed := known.get(_asked(task))) is not None
    )


def _asked(seed: Seed) -> tuple[str, ...]:
    texts = (seed.question, seed.input, seed.tools, seed.conversation)
    return tuple(" ".join(text.casefold().split()) for text in texts)
