"""What the sources of a recipe's data must keep beyond their fields: rules between settings, checks that suit
the kind, files that exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from factory.errors import InputError
from factory.recipe.checks import Length, check_name
from factory.recipe.paths import find
from factory.recipe.source import Fault, Source, Where
from factory.seeds.source import is_file_name
from factory.tasks.kind import Kind
from factory.tasks.kinds import KINDS

HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
_FILES: tuple[Where, ...] = (("tools",), ("custom_tools", "python"), ("schema",), ("held_out",))


def kinds(source: Source) -> list[Kind[Any, Any]]:
    """Return the kinds of data that a recipe names, as far as they are known."""
    names = [source.at(*where, "kind") for where in _places(source)]
    return [KINDS[name] for name in names if isinstance(name, str) and name in KINDS]


def is_asked(source: Source) -> bool:
    """Whether a recipe asks a teacher for any of its data, as far as its kinds are known."""
    data = [(source.at(*where, "kind"), source.at(*where, "answers")) for where in _places(source)]
    named = [(KINDS[kind], answers) for kind, answers in data if isinstance(kind, str) and kind in KINDS]
    return not named or any(kind.is_asked and answers != "reference" for kind, answers in named)


def faults(source: Source, recipe: Path) -> Iterator[Fault]:
    """Yield every broken rule of the sources of the recipe at path `recipe`."""
    listed = isinstance(source.at("data"), list)
    yield from _file(source, recipe, ("evaluate", "held_out"))
    for where in _places(source):
        name = source.at(*where, "kind")
        kind = KINDS.get(name) if isinstance(name, str) else None
        yield from _seeds(source, recipe, (*where, "seeds"))
        for file in _FILES:
            yield from _file(source, recipe, (*where, *file))
        yield from _draws(source, where)
        if kind is not None:
            yield from _answers(source, where, kind)
            for key, message in kind.setting_faults(source.at(*where)):
                yield source.fault((*where, key), message)
            if kind.tools_by_task and source.at("student", "show_tools") is False:
                yield source.fault(
                    ("student", "show_tools"),
                    "each task brings its own tools, which the student has to see; remove it",
                )
            if kind.untrained and source.at("student") is not None:
                yield source.fault(("student",), f"{kind.untrained}; remove it and use: factory export")
        own = listed and source.at(*where, "checks") is not None
        yield from _checks(source, (*where, "checks") if own else ("checks",), kind)
    yield from _held_out(source, listed)


def _places(source: Source) -> list[Where]:
    data = source.at("data")
    return [("data", place) for place in range(len(data))] if isinstance(data, list) else [("data",)]


def _held_out(source: Source, listed: bool) -> Iterator[Fault]:
    """Yield where the tasks to measure by are missing, or stand in the wrong place."""
    evaluate = source.at("evaluate")
    if not isinstance(evaluate, dict):
        return
    if listed and evaluate.get("held_out") is not None:
        yield source.fault(
            ("evaluate", "held_out"), "with a list of sources each names its own; move it there"
        )
    elif listed and not any(source.at(*where, "held_out") for where in _places(source)):
        yield source.fault(("evaluate",), "no source has held_out, so there is nothing to measure by")
    elif not listed and "held_out" not in evaluate:
        yield source.fault(("evaluate", "held_out"), "required, but missing")


def _draws(source: Source, where: Where) -> Iterator[Fault]:
    temperature = source.at("teacher", "sampling", "temperature")
    answers = source.at(*where, "samples_per_prompt")
    number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if number and temperature == 0 and isinstance(answers, int) and answers > 1:
        yield source.fault(
            ("teacher", "sampling", "temperature"),
            f"at 0 all {answers} answers to a question (data.samples_per_prompt) are the same; raise it, or "
            "draw one",
        )


def _answers(source: Source, where: Where, kind: Kind[Any, Any]) -> Iterator[Fault]:
    answers = source.at(*where, "answers")
    if answers not in ("reference", "both"):
        return
    if not kind.references_answer:
        able = ", ".join(name for name, one in KINDS.items() if one.references_answer)
        message = f"a reference of the kind {kind.name} is no whole answer; only for {able}"
        yield source.fault((*where, "answers"), message)
    elif answers == "reference":
        for key in ("samples_per_prompt", "budget"):
            if source.at(*where, key) is not None:
                yield source.fault((*where, key), "nobody is asked with answers: reference; remove it")


def _seeds(source: Source, recipe: Path, where: Where) -> Iterator[Fault]:
    written = source.at(*where)
    if (
        not isinstance(written, str)
        or not written
        or (HUB_ID.fullmatch(written) and not is_file_name(written))
    ):
        return
    try:
        find(written, recipe)
    except InputError as error:
        yield source.fault(where, error.message)


def _file(source: Source, recipe: Path, where: Where) -> Iterator[Fault]:
    written = source.at(*where)
    if not isinstance(written, str) or not written:
        return
    try:
        if not (found := find(written, recipe)).is_file():
            yield source.fault(where, f"must be a file, and {str(found)!r} is not")
    except InputError as error:
        yield source.fault(where, error.message)


def _checks(source: Source, where: Where, kind: Kind[Any, Any] | None) -> Iterator[Fault]:
    checks = source.at(*where)
    names = [check_name(item) for item in checks] if isinstance(checks, list) else []
    for i, name in enumerate(names):
        if name is not None and name in names[:i]:
            yield source.fault((*where, i), "named twice")
        elif name == "decontamination" and source.is_absent("evaluate"):
            yield source.fault(
                (*where, i), "needs evaluate.held_out to compare with; add it, or remove this check"
            )
        elif kind is not None and name in kind.refused_checks:
            yield source.fault((*where, i), f"{kind.refused_checks[name]}; remove this check")
        elif (
            name == "length"
            and isinstance(item := checks[i], dict)
            and isinstance(limits := item["length"], dict)
        ):
            least, most = (
                limits.get(key, Length.model_fields[key].default) for key in ("min_words", "max_words")
            )
            if isinstance(least, int) and isinstance(most, int) and least > most:
                yield source.fault(
                    (*where, i, "length"),
                    f"min_words ({least}) is more than max_words ({most}); no answer could pass",
                )
    # What could not be read or carried out must not count as accepted.
    needed = kind.required_checks if kind is not None else ("schema",)
    if names and (missing := [name for name in needed if name not in names]):
        yield source.fault(
            where,
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} required: "
            f"without {'it' if len(missing) == 1 else 'them'} empty samples would be accepted",
        )
