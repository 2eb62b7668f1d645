"""Rules between the settings of a student: its stages of training and the data that they learn.

Promise: as `factory.recipe.rules`: works on raw values whatever their types, and checks only what a field
cannot know by itself.
"""

from collections.abc import Iterator
from typing import Any

from factory.adapters.kinds import adapter_class
from factory.recipe import data_rules, distill_rules
from factory.recipe.source import Fault, Source, Where
from factory.recipe.sources import numbered
from factory.recipe.stages import STAGES
from factory.recipe.training import Taught, Validation
from factory.system.settings import models_in
from factory.tasks.kind import Kind

_TAUGHT = tuple(
    name
    for name, stage in STAGES.items()
    if any(issubclass(settings, Taught) for settings in models_in(stage.model_fields[name].annotation))
)


_TUTOR: Where = ("student", "tutor")


def faults(source: Source) -> Iterator[Fault]:
    """Yield every broken rule of the recipe's student."""
    adapter = adapter_class(source.at("student", "adapter"))
    if adapter is not None and adapter.float32 and source.at("student", "precision") == "bfloat16":
        yield source.fault(
            ("student", "precision"),
            "all weights are trained in float32: bfloat16 would round small updates away; remove it",
        )
    for where, name, settings in _stages(source):
        yield from _training(source, where, settings)
        if name in _TAUGHT:
            yield from _taught(source, where, name, settings)
    if isinstance(tutor := source.at("student", "tutor"), dict):
        yield from _training(source, _TUTOR, tutor)
        yield from _tutor(source, tutor)


def learns_from_teacher(source: Source) -> bool:
    """Whether a stage distills from the recipe's teacher itself."""
    return any(name == "distill" and not _tutored(source, stage) for _, name, stage in _stages(source))


def _tutored(source: Source, stage: dict[str, Any]) -> bool:
    """Whether a stage learns from the tutor, as `Student.has_tutor` says."""
    usual = "teacher" if stage.get("teacher") == "stored" else "tutor"
    return source.at("student", "tutor") is not None and stage.get("teacher_model", usual) == "tutor"


def _stages(source: Source) -> Iterator[tuple[Where, str, dict[str, Any]]]:
    """Yield place, name and settings of each stage that is written as one."""
    stages = source.at("student", "stages")
    for i, stage in enumerate(stages if isinstance(stages, list) else []):
        if isinstance(stage, dict) and len(stage) == 1:
            ((name, settings),) = stage.items()
            if isinstance(settings, dict):
                yield ("student", "stages", i, name), name, settings


def _training(source: Source, where: Where, settings: dict[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with a stage of any name."""
    kinds = data_rules.kinds(source)
    calls = any(kind.calls_tools for kind in kinds)
    named = ", ".join(kind.name for kind in kinds)
    if kinds and not calls and "call_weight" in settings:
        yield source.fault((*where, "call_weight"), f"the kind {named} has no calls; remove it")
    if calls and not all(kind.calls_tools for kind in kinds) and source.at(*where, "on_policy"):
        yield source.fault(
            (*where, "on_policy"), "not with calls beside answers in words; remove it, or a source"
        )
    if isinstance(validation := settings.get("validation"), dict):
        every = validation.get("every", Validation.model_fields["every"].default)
        steps = settings.get("steps")
        if isinstance(every, int) and isinstance(steps, int) and every > steps:
            yield source.fault(
                (*where, "validation", "every"),
                f"is more than the stage's {steps} steps, so nothing would be validated",
            )
    yield from _part(source, where, settings, kinds)


def _part(
    source: Source, where: Where, settings: dict[str, Any], kinds: list[Kind[Any, Any]]
) -> Iterator[Fault]:
    """Yield names of sources and of lessons that there are not."""
    listed = isinstance(data := source.at("data"), list)
    known = {
        "sources": _source_names(data) if listed else [],
        "lessons": list(dict.fromkeys(task for kind in kinds for task in kind.tasks)),
    }
    why = {
        "sources": "data is no list of sources",
        "lessons": f"the kind {', '.join(kind.name for kind in kinds)} makes one row of each sample",
    }
    for key, names in known.items():
        written = settings.get(key)
        for place, name in enumerate(written if isinstance(written, list) else []):
            if not names:
                yield source.fault((*where, key), f"{why[key]}; remove it")
                break
            if isinstance(name, str) and name not in names:
                yield source.fault((*where, key, place), f"{name!r} is not one of {', '.join(names)}")


def _source_names(data: list[Any]) -> list[str]:
    each = [one if isinstance(one, dict) else {} for one in data]
    return numbered([str(one.get("name") or str(one.get("kind")).replace("_", "-")) for one in each])


def _taught(source: Source, where: Where, name: str, settings: dict[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with a stage that learns from a teacher."""
    kinds, tutored = data_rules.kinds(source), _tutored(source, settings)
    if settings.get("teacher_model") == "tutor":
        if not tutored:
            yield source.fault((*where, "teacher_model"), "there is no tutor; add student.tutor")
        elif settings.get("teacher") == "stored":
            message = "stored are the teacher's answers, not the tutor's; write cache or in_process"
            yield source.fault((*where, "teacher"), message)
            return
    if tutored:
        yield from _no_top_k(source, where, settings)
    if not tutored and not data_rules.is_asked(source):
        named = ", ".join(kind.name for kind in kinds)
        yield source.fault(
            where, f"the kind {named} has no answers of the teacher's to learn from; write sft"
        )
    elif name == "distill":
        yield from distill_rules.faults(source, where, settings, None if tutored else source.at("teacher"))
    elif source.at("teacher", "endpoints") and not tutored:
        yield source.fault(
            where,
            "needs a teacher that runs here, and teacher.endpoints is set; write distill with "
            "teacher: stored, or sft",
        )
    elif "cache_gb" in settings and settings.get("teacher") != "cache":
        yield source.fault((*where, "cache_gb"), "only with teacher: cache")


def _no_top_k(source: Source, where: Where, settings: dict[str, Any]) -> Iterator[Fault]:
    phases = settings.get("curriculum")
    places = [(where, settings)] + [
        ((*where, "curriculum", i), phase)
        for i, phase in enumerate(phases if isinstance(phases, list) else [])
        if isinstance(phase, dict)
    ]
    for at, phase in places:
        if phase.get("top_k") is not None:
            yield source.fault(
                (*at, "top_k"),
                "the stored top k is the teacher's, not the tutor's; remove it",
            )


def _tutor(source: Source, tutor: dict[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with the tutor itself."""
    stages = list(_stages(source))
    if not any(name in _TAUGHT and _tutored(source, stage) for _, name, stage in stages):
        yield source.fault(_TUTOR, "no stage learns from it; add align or distill, or remove it")
    if source.at("teacher", "endpoints") and tutor.get("base") is None:
        yield source.fault(
            _TUTOR, "needs a model that runs here, and teacher.endpoints is set; name one under base"
        )
    written = [each["validation"] for each in [tutor, *(s for _, _, s in stages)] if "validation" in each]
    if written and all(each is None for each in written):
        yield source.fault(
            _TUTOR,
            "it teaches only if it is better than the student on set-aside seeds, and validation is null; "
            "remove that",
        )
