"""Rules between the settings of distillation.

Promise: as `factory.recipe.rules`: works on raw values whatever their types, so that these faults are
reported together with those of the fields; checks only what a field cannot know by itself.
"""

from collections.abc import Iterator
from typing import Any

from factory.recipe.distill import Distill
from factory.recipe.source import Fault, Source, Where


def faults(source: Source, where: Where, stage: dict[str, Any], teacher: Any) -> Iterator[Fault]:
    """Yield every broken rule of a distill stage at `where`; `teacher` is the recipe's."""
    teacher, stage = _given(teacher), _given(stage)
    origin = stage.get("teacher", Distill.model_fields["teacher"].default)
    written = stage.get("curriculum")
    curriculum = [_given(phase) for phase in written] if isinstance(written, list) else []
    # A stage without phases is one phase.
    phases = [((*where, "curriculum", i), phase) for i, phase in enumerate(curriculum)] or [(where, stage)]
    stored_only = origin == "stored"
    whole = [at for at, phase in phases if "top_k" not in phase and not stored_only]
    if curriculum:
        yield from _order(source, where, stage, curriculum)
    for at, phase in phases:
        yield from _phase(source, at, phase, stage, stored_only, teacher.get("logprobs", 20))
    for at, phase in [(where, stage), *phases]:
        yield from _schedules(source, at, phase)
    if stored_only:
        for key in ("hidden", "on_policy"):
            if key in stage and stage[key] != 0:
                yield source.fault((*where, key), "needs the teacher itself; not with teacher: stored")
    elif teacher.get("endpoints"):
        message = (
            "needs a teacher that runs here, and teacher.endpoints is set; write teacher: stored, "
            "which learns from the servers' stored answers"
        )
        yield source.fault((*where, "teacher") if "teacher" in stage else where, message)
    elif not whole and stage.get("hidden") is None:
        yield source.fault(
            (*where, "teacher"),
            "no phase takes the whole distribution, so no teacher is needed; write teacher: stored",
        )
    if "cache_gb" in stage and origin != "cache":
        yield source.fault((*where, "cache_gb"), "only with teacher: cache")
    if "tail" in stage and len(whole) == len(phases):
        yield source.fault((*where, "tail"), "no phase has a top k, so there is no tail; remove it")
    if stage.get("on_policy") and not stored_only:
        if origin != "in_process":
            yield source.fault(
                (*where, "on_policy"),
                "what the student writes was never cached; only with teacher: in_process",
            )
        for at, phase in phases:
            if "top_k" in phase:
                message = (
                    "what the student writes has no stored top k, and on_policy is set; "
                    "take the whole distribution, or random_k"
                )
                yield source.fault((*at, "top_k"), message)
    if stage.get("mix") == "share" and "bound" in stage:
        yield source.fault((*where, "bound"), "only with mix: add")
    if stage.get("interpolate") and stage.get("tail", "bucket") != "bucket":
        yield source.fault((*where, "interpolate"), "moves whole distributions; only with tail: bucket")
    hidden = stage.get("hidden")
    if isinstance(hidden, dict):
        if "layers" in hidden and "depths" in hidden:
            yield source.fault((*where, "hidden", "depths"), "set either layers or depths")
        yield from _schedules(source, (*where, "hidden"), hidden)


def _given(value: Any) -> dict[str, Any]:
    """Return the keys of a mapping that have a value."""
    return (
        {key: inner for key, inner in value.items() if inner is not None} if isinstance(value, dict) else {}
    )


def _order(
    source: Source, where: Where, stage: dict[str, Any], curriculum: list[dict[str, Any]]
) -> Iterator[Fault]:
    for key in ("top_k", "random_k"):
        if key in stage:
            yield source.fault((*where, key), "cannot be set with curriculum; set it in each phase")
    before: float = 0
    for i, phase in enumerate(curriculum):
        until, last = phase.get("until"), i == len(curriculum) - 1
        at = (*where, "curriculum", i, "until")
        if isinstance(until, dict) and not last:
            until, at = until.get("share", 1), (*at, "share")
        if last and until is not None:
            yield source.fault(at, "the last phase ends with the stage; remove it")
        elif not last and until is None:
            yield source.fault(at, "only the last phase has no end")
        elif isinstance(until, int | float) and not isinstance(until, bool):
            if until <= before:
                yield source.fault(at, f"must be greater than that of the phase before ({before})")
            before = until if at[-1] == "until" else before


def _phase(
    source: Source, at: Where, phase: dict[str, Any], stage: dict[str, Any], stored_only: bool, logprobs: Any
) -> Iterator[Fault]:
    if "top_k" in phase and "random_k" in phase:
        yield source.fault((*at, "random_k"), "set either top_k or random_k")
    if stored_only and "random_k" in phase:
        yield source.fault((*at, "random_k"), "draws from the whole distribution; not with teacher: stored")
    most = _most(phase.get("top_k", 1)) if "top_k" in phase or stored_only else 0
    if isinstance(logprobs, int) and most > logprobs:
        yield source.fault(
            (*at, "top_k"), f"asks for {most} likeliest tokens, and teacher.logprobs keeps {logprobs}"
        )
    if ("top_k" in phase or "random_k" in phase or stored_only) and stage.get("beta", 0) != 0:
        yield source.fault(
            (*at[:4], "beta"), "other divergences than forward KL need the whole distribution; leave it at 0"
        )


def _most(top_k: Any) -> int:
    values = top_k.values() if isinstance(top_k, dict) else [top_k]
    return max(
        (number for number in values if isinstance(number, int) and not isinstance(number, bool)), default=0
    )


def _schedules(source: Source, at: Where, part: dict[str, Any]) -> Iterator[Fault]:
    for key in ("top_k", "temperature", "weight"):
        schedule = part.get(key)
        if not isinstance(schedule, dict):
            continue
        if "peak" not in schedule:
            for ramp in {"warmup", "decay"} & schedule.keys():
                yield source.fault(
                    (*at, key, ramp), "only with peak; without, it goes straight from start to end"
                )
        ramps = [schedule.get(ramp, 0.1) for ramp in ("warmup", "decay")]
        if all(isinstance(ramp, int | float) for ramp in ramps) and sum(ramps) > 1:
            yield source.fault((*at, key), "warmup and decay together are more than the whole")
