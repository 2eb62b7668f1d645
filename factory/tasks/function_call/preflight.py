"""Checks of function calls before a model is loaded: seeds that something proves, tools that have a
grammar."""

from factory.errors import InputError
from factory.inference.schema_grammar import Kept, examine
from factory.seeds.offered import MAX_CALLS, read_tools_text
from factory.tasks.function_call.settings import FunctionCallData
from factory.tasks.function_call.taskset import FunctionCallTaskset
from factory.tasks.kind import Prepared
from factory.tasks.tool_call.call import calls_schema

FunctionCalls = Prepared[FunctionCallData, FunctionCallTaskset]
MOST_SECONDS = 20.0  # for the grammars of all sets of tools
_TOLD = 10


def require_votes(prepared: FunctionCalls) -> None:
    """Refuse seeds without a reference where a single draw has nothing to agree with."""
    seed = next((seed for seed in prepared.seeds if not seed.reference), None)
    if seed is not None and prepared.data.samples_per_prompt < 2:
        raise InputError(
            f"{seed.source}:{seed.line}: {seed.name} has no reference, and a single draw cannot be compared "
            "with others",
            "Write references, or samples_per_prompt: 3.",
        )


def require_grammars(prepared: FunctionCalls) -> None:
    """Compile the grammar of each set of tools, as many as `MOST_SECONDS` allow, and say how many that were;
    refuse one that has none, where the teacher is a model in the process."""
    places: dict[str, str] = {}
    for seed in [*prepared.seeds, *prepared.held_out]:
        places.setdefault(seed.tools, f"{seed.source}:{seed.line}")
    schemas = {
        str(number): calls_schema(list(read_tools_text(tools)), MAX_CALLS)
        for number, tools in enumerate(places)
    }
    tried = examine(schemas, MOST_SECONDS)
    if not tried:  # there is no compiler here
        return
    found = [
        (place, tried[str(number)]) for number, place in enumerate(places.values()) if str(number) in tried
    ]
    prepared.say(f"grammars of {len(found)} of {len(schemas)} sets of tools were tried before the run")
    faults = [
        f"{place}: no grammar can be made for its tools: {kept.fault}" for place, kept in found if kept.fault
    ]
    if faults and not prepared.served:
        raise InputError("\n".join(faults[:50]), "Write their parameters in simpler words of JSON Schema.")
    for fault in faults[:_TOLD]:
        prepared.say(f"note: {fault}; the servers have to enforce it")
    _tell_left_out(prepared, found)


def _tell_left_out(prepared: FunctionCalls, found: list[tuple[str, Kept]]) -> None:
    left_out = [(place, sorted({keyword for _, keyword in kept.left_out})) for place, kept in found]
    if told := [f"{place} ({', '.join(keywords)})" for place, keywords in left_out if keywords]:
        more = f"; and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
        prepared.say(
            "note: no grammar holds all that these tools ask for, so a call is checked for it afterwards: "
            f"{'; '.join(told[:_TOLD])}{more}"
        )
