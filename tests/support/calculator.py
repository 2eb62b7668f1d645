"""The shipped calculator and its seeds, loaded once, and a tool whose arguments may be anything."""

from pathlib import Path
from typing import Any

from factory.seeds.seed import Seed
from factory.tasks.tool_call.taskset import ToolCallTaskset
from factory.tools.load import load_tools
from factory.tools.spec import ToolSpec
from tests.support.seeds import require_seeds

DATA = Path(__file__).parents[2] / "data"
SEEDS = require_seeds(DATA / "seeds" / "calculator.jsonl", "tool_call")
CALCULATOR = load_tools(DATA / "tools" / "calculator.json")


def free_tool(**properties: Any) -> ToolSpec:
    """Return a tool `note` that takes any argument, and those given with their schema."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ToolSpec.model_validate(
        {"type": "function", "function": {"name": "note", "description": "Notes.", "parameters": schema}}
    )


def kind(seeds: list[Seed] = SEEDS, *, examples: int = 5, seed: int = 7) -> ToolCallTaskset:
    """Return the calculator's kind over some seeds."""
    return ToolCallTaskset(seeds, CALCULATOR, examples=examples, seed=seed)


def one_seed(question: str, reference: str, *, language: str = "en", family: str = "general") -> Seed:
    """Return a seed as if it stood alone in a file."""
    return Seed("one", language, family, question, reference, "seeds.jsonl", 1)
