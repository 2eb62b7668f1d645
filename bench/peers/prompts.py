"""Distinct short questions, and the messages that the factory's own kind `rationale` makes of them: what all
three programs are given."""

import json
from itertools import islice, product
from pathlib import Path
from typing import Any

from factory.context.plan import Plan
from factory.context.run import Run
from factory.recipe import load_recipe
from factory.system.progress import Progress
from factory.tasks.sample import Sample
from factory.workspace import Workspace

SYSTEM = (
    "Reason step by step, briefly. Then write on a line of its own: "
    "Answer: followed by the final answer alone."
)
_FORMS = (
    "What is {} made of?",
    "Why would anyone carry {} on a long walk?",
    "How would you explain {} to a child of six?",
    "Name two things that {} can be used for.",
    "What goes wrong first when {} gets old?",
    "How do you tell good work from bad when you look at {}?",
    "Where in a house would you look for {}?",
    "What did people use before there was {}?",
    "Describe {} to somebody who cannot see it.",
    "How would you mend {} without any tools?",
    "What is the safest way to clean {}?",
    "Which is heavier, {} or a loaf of bread, and why?",
    "Write a warning label for {}.",
    "How many people does it take to make {}?",
    "What would you ask before you buy {}?",
    "Is it better to borrow {} or to own it?",
)
_THINGS = (
    *(
        "a kettle",
        "a ladder",
        "an umbrella",
        "a compass",
        "a candle",
        "a saddle",
        "a violin",
        "a fishing net",
    ),
    *(
        "a wool blanket",
        "a pocket knife",
        "a bicycle pump",
        "a clay pot",
        "a wall clock",
        "a pair of scissors",
        "a rope",
        "a lantern",
    ),
    *(
        "a garden hose",
        "a thimble",
        "a wheelbarrow",
        "a tent",
        "a rowing boat",
        "a sieve",
        "a paper map",
        "a door lock",
    ),
    *(
        "a broom",
        "a magnet",
        "a pencil",
        "a mirror",
        "a hammock",
        "a raincoat",
        "a thermometer",
        "a bread oven",
    ),
)
MOST = len(_FORMS) * len(_THINGS)


def questions(count: int) -> list[str]:
    """Return `count` distinct questions, at most `MOST`, always the same."""
    return [form.format(thing) for thing, form in islice(product(_THINGS, _FORMS), count)]


def write_seeds(path: Path, count: int) -> None:
    """Write the questions as seeds of the factory, which are also the seed file of the others."""
    path.write_text(
        "".join(json.dumps({"question": question}) + "\n" for question in questions(count)), encoding="utf-8"
    )


def rendered(recipe: Path, folder: Path, count: int) -> list[list[dict[str, Any]]]:
    """Return the messages that the factory will send for a recipe with such seeds, one list a question."""
    taskset = Plan(Run(load_recipe(recipe), Workspace(folder), Progress())).taskset
    tasks = islice((task for task in taskset.tasks(_Nothing()) if task is not None), count)
    return [next(taskset.episode(task, 0)).messages for task in tasks]


class _Nothing:
    """A question without a reference is asked as it is, whatever was accepted before."""

    judged = 0

    def accepted(self, before: int) -> list[Sample]:
        return []
