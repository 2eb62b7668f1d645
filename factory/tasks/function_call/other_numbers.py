"""New questions from old ones: other numbers in a question and, in step, in the numbers of its calls.

Promise: what is text in a call stays as it is, and so does every name: a date, a path or a name with other
numbers is another one, or none. New calls fit the schemas of their tools.
"""

from typing import Any

from factory.seeds.offered import read_tools_text
from factory.seeds.seed import Seed
from factory.system.digest import canonical_json
from factory.tasks.function_call.matching import plain_calls
from factory.tasks.numbers import PLAIN
from factory.tasks.tool_call.reference import call_faults
from factory.tasks.vary import unclear, vary


def other_numbers(seed: Seed, variant: int, recipe_seed: int) -> tuple[str, str] | None:
    """Return (question, reference) of one variant; None where a seed is asked as it is."""
    original = plain_calls(seed.reference) if seed.reference else None
    if not original or kept_as_it_is(seed):
        return None
    tools, kept = list(read_tools_text(seed.tools)), canonical_json(_without_numbers(original))

    def solve(reference: str) -> str | None:
        calls = plain_calls(reference) or []
        same = canonical_json(_without_numbers(calls)) == kept
        return reference if same and not call_faults([calls], tools) else None

    return vary(seed, variant, recipe_seed, solve)


def kept_as_it_is(seed: Seed) -> str:
    """Return why other numbers could make a seed's reference wrong, or nothing."""
    calls = plain_calls(seed.reference) if seed.reference else None
    if not calls:
        return ""
    asked, texts = PLAIN.findall(seed.question), canonical_json(_without_numbers(calls))
    in_text = next((number for number in PLAIN.findall(texts) if number in asked), None)
    return unclear(seed) if in_text is None else f"{in_text} is part of a text in its calls"


def _without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_numbers(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_numbers(part) for part in value]
    return "" if isinstance(value, int | float) and not isinstance(value, bool) else value
