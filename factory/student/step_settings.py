"""Settings of one step of distillation: which tokens count, at which temperature, with which weights.

Promise: a function of the settings, the step's number and where phases ended by agreement
(`factory.student.pace`) alone, so that a run that was interrupted continues as it would have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from factory.recipe.distill import Distill, Phase, Schedule, Until

_NONE: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True)
class StepSettings:
    """The settings of one step. `top_k` of None with `random_k` of None: the whole distribution."""

    phase: int
    top_k: int | None
    random_k: int | None
    temperature: float
    weight: float
    hidden_weight: float


def step_settings(
    settings: Distill, step: int, stored_k: int, ended: Mapping[int, int] = _NONE
) -> StepSettings:
    """Return what holds at `step`, counted from 0; `stored_k` is the number of stored tokens, taken where
    none is set and there is no teacher; `ended` the step before which phases ended by agreement. What changes
    in the course of such a phase does so as if it lasted its longest."""
    ends, index = _ends(settings, ended), phase_at(settings, step, ended)
    phase = (
        settings.curriculum[index]
        if settings.curriculum
        else Phase(top_k=settings.top_k, random_k=settings.random_k)
    )
    whole, within = (
        _share(step, 0, settings.steps),
        _share(step, ends[index - 1] if index else 0, ends[index]),
    )
    top_k = phase.top_k
    if top_k is None and settings.teacher == "stored":
        top_k = stored_k
    hidden = settings.hidden
    return StepSettings(
        index,
        None if top_k is None else round(value(top_k, within if settings.curriculum else whole)),
        phase.random_k,
        value(settings.temperature, whole) if phase.temperature is None else value(phase.temperature, within),
        value(settings.weight, whole) if phase.weight is None else value(phase.weight, within),
        0.0 if hidden is None else value(hidden.weight, whole),
    )


def value(scheduled: float | Schedule, share: float) -> float:
    """Return what a setting is worth at `share` of its course, from 0 to 1.

    With a peak it is the warm-up-stable-decay of Hu et al., MiniCPM, 2024 (arXiv 2404.06395), both ramps
    linear.
    """
    if not isinstance(scheduled, Schedule):
        return float(scheduled)
    if scheduled.peak is None:
        return scheduled.start + (scheduled.end - scheduled.start) * share
    if share < scheduled.warmup:
        return scheduled.start + (scheduled.peak - scheduled.start) * share / scheduled.warmup
    if share > 1 - scheduled.decay:
        return scheduled.end + (scheduled.peak - scheduled.end) * (1 - share) / scheduled.decay
    return scheduled.peak


def phase_at(settings: Distill, step: int, ended: Mapping[int, int] = _NONE) -> int:
    """Return the place of the phase that a step is in, 0 where there are none."""
    ends = _ends(settings, ended)
    return next((i for i, end in enumerate(ends) if step < end), len(ends) - 1)


def stored_tokens(settings: Distill) -> int:
    """Return how many stored tokens of each position a stage needs, 0 for none."""
    wanted = [phase.top_k for phase in settings.curriculum] or [settings.top_k]
    # Stored ones are needed where there is no teacher, though none is named.
    least = 1 if settings.teacher == "stored" else 0
    return max(least if top_k is None else _most(top_k) for top_k in wanted)


def _most(top_k: int | Schedule) -> int:
    if not isinstance(top_k, Schedule):
        return top_k
    return round(max(top_k.start, top_k.end, top_k.start if top_k.peak is None else top_k.peak))


def _ends(settings: Distill, ended: Mapping[int, int]) -> list[int]:
    """Return the step before which each phase ends; the step that is nearest to its share of the stage."""
    ends: list[int] = []
    for place, phase in enumerate(settings.curriculum or (Phase(),)):
        share = phase.until.share if isinstance(phase.until, Until) else phase.until
        end = ended.get(place, round((share or 1.0) * settings.steps))
        # One whose time is over before it begins is left out.
        ends.append(max([end, *ends[-1:]]))
    return ends


def _share(step: int, start: int, end: int) -> float:
    return (step - start) / max(end - start - 1, 1)
