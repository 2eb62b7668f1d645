"""What a recipe must keep beyond its fields: rules between fields, files that exist, models that can be
meant.

Promise: works on raw values, whatever their types, so that these faults are reported with those of the
fields. Reads no file: only names are looked at. Not promised: that the contents of a file are right, or that
a Hugging Face id exists.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from factory.adapters.kinds import adapter_class
from factory.errors import InputError
from factory.recipe import compress, distill_rules, prune, search, teacher
from factory.recipe.checks import Length, check_name
from factory.recipe.model import BUNDLED, USUAL_LENGTH, Sampling
from factory.recipe.paths import find
from factory.recipe.source import Fault, Source, Where
from factory.recipe.training import Validation
from factory.recipe.wording import nearest
from factory.seeds.source import is_file_name
from factory.tasks.kind import Kind
from factory.tasks.kinds import KINDS

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")


def faults(source: Source, recipe: Path) -> Iterator[Fault]:
    """Yield every broken rule of the recipe at path `recipe`."""
    yield from _teacher(source)
    yield from _model(source, recipe, ("teacher", "model"), served=bool(_at(source, "teacher", "endpoints")))
    yield from _model(source, recipe, ("student", "base"), served=False)
    yield from _seeds(source, recipe)
    for where in (("data", "tools"), ("data", "custom_tools", "python"), ("evaluate", "held_out")):
        yield from _file(source, recipe, where)
    yield from _checks(source)
    yield from _stages(source)
    adapter = adapter_class(_at(source, "student", "adapter"))
    if adapter is not None and adapter.float32 and _at(source, "student", "precision") == "bfloat16":
        yield source.fault(
            ("student", "precision"),
            "all weights are trained in float32: bfloat16 would round small updates away; remove it",
        )
    if _at(source, "compress") is not None and _is_absent(source, "student"):
        yield source.fault(("compress",), "there is no student to compress; add student, or remove compress")
    yield from compress.faults(source, _at(source, "compress"), evaluated=not _is_absent(source, "evaluate"))
    for part in ("student", "compress"):
        yield from prune.faults(source, (part, "prune"), _at(source, part, "prune"))
    yield from search.faults(
        source,
        _at(source, "search"),
        student=_at(source, "student"),
        evaluated=not _is_absent(source, "evaluate"),
    )
    if (kind := _kind(source)) is not None:
        for key, message in kind.setting_faults(_at(source, "data")):
            yield source.fault(("data", key), message)
        if kind.untrained and _at(source, "student") is not None:
            yield source.fault(("student",), f"{kind.untrained}; remove it and use: factory export")


def _at(source: Source, *where: str) -> Any:
    value: Any = source.value
    for part in where:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _kind(source: Source) -> Kind[Any, Any] | None:
    name = _at(source, "data", "kind")
    return KINDS.get(name) if isinstance(name, str) else None


def _is_absent(source: Source, key: str) -> bool:
    return _at(source, key) is None and not source.is_spoiled((key,))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _teacher(source: Source) -> Iterator[Fault]:
    if _at(source, "teacher", "api_key_env") is not None and not _at(source, "teacher", "endpoints"):
        yield source.fault(
            ("teacher", "api_key_env"), "only with endpoints; a model that runs here needs no key"
        )
    if _at(source, "teacher", "timeout_s") is not None and not _at(source, "teacher", "endpoints"):
        yield source.fault(
            ("teacher", "timeout_s"), "only with endpoints; a model that runs here is not waited for"
        )
    yield from teacher.faults(source, _at(source, "teacher"))
    temperature = _at(source, "teacher", "sampling", "temperature")
    answers = _at(source, "data", "samples_per_prompt")
    if _is_number(temperature) and temperature == 0 and isinstance(answers, int) and answers > 1:
        yield source.fault(
            ("teacher", "sampling", "temperature"),
            f"at 0 all {answers} answers to a question (data.samples_per_prompt) are the same; raise it, or "
            "draw one",
        )
    whole = _at(source, "teacher", "max_model_len")
    whole = USUAL_LENGTH if whole is None else whole
    for where, usual in (
        (("teacher", "sampling", "max_tokens"), Sampling().max_tokens),
        (("evaluate", "max_tokens"), 0),
    ):
        answer = _at(source, *where)
        answer = usual if answer is None else answer
        if isinstance(answer, int) and isinstance(whole, int) and answer >= whole:
            yield source.fault(
                where, f"must be less than teacher.max_model_len ({whole}), which holds the prompt too"
            )


def _model(source: Source, recipe: Path, where: tuple[str, str], *, served: bool) -> Iterator[Fault]:
    name, revision = _at(source, *where), (where[0], "revision")
    pinned = _at(source, *revision) is not None
    if served or not isinstance(name, str) or not name:
        return
    if _is_local(name, recipe):
        yield from (source.fault(where, message) for message in _folder_faults(name, recipe))
    elif name not in BUNDLED and not _HUB_ID.fullmatch(name):
        known = ", ".join(BUNDLED)
        yield source.fault(
            where,
            f"neither a bundled model ({known}), nor a folder that exists, nor a Hugging Face id (org/name)"
            f"{nearest(name, BUNDLED)}",
        )
    if pinned and (name in BUNDLED or _is_local(name, recipe)):
        yield source.fault(revision, "only for a Hugging Face id, not for a bundled model or a local folder")


def _is_local(name: str, recipe: Path) -> bool:
    if name in BUNDLED or name.startswith(("/", "~", ".")):
        return name not in BUNDLED
    try:
        return find(name, recipe).is_dir()
    except InputError:
        return False


def _folder_faults(name: str, recipe: Path) -> Iterator[str]:
    try:
        folder = find(name, recipe)
        files = [file.name for file in folder.iterdir()]
    except InputError as error:
        yield error.message
    except OSError as error:
        yield f"is not a folder that can be read: {error.strerror}"
    else:
        missing = [] if "config.json" in files else ["config.json"]
        missing += [] if any(file.endswith(".safetensors") for file in files) else ["weights (*.safetensors)"]
        if missing:
            yield f"the folder {str(folder)!r} is no model: it lacks {' and '.join(missing)}"


def _seeds(source: Source, recipe: Path) -> Iterator[Fault]:
    where: Where = ("data", "seeds")
    written = _at(source, "data", "seeds")
    if (
        not isinstance(written, str)
        or not written
        or (_HUB_ID.fullmatch(written) and not is_file_name(written))
    ):
        return
    try:
        find(written, recipe)
    except InputError as error:
        yield source.fault(where, error.message)


def _file(source: Source, recipe: Path, where: Where) -> Iterator[Fault]:
    written = _at(source, *map(str, where))
    if not isinstance(written, str) or not written:
        return
    try:
        if not (found := find(written, recipe)).is_file():
            yield source.fault(where, f"must be a file, and {str(found)!r} is not")
    except InputError as error:
        yield source.fault(where, error.message)


def _checks(source: Source) -> Iterator[Fault]:
    checks = _at(source, "checks")
    kind = _kind(source)
    names = [check_name(item) for item in checks] if isinstance(checks, list) else []
    for i, name in enumerate(names):
        if name is not None and name in names[:i]:
            yield source.fault(("checks", i), "named twice")
        elif name == "decontamination" and _is_absent(source, "evaluate"):
            yield source.fault(
                ("checks", i), "needs evaluate.held_out to compare with; add it, or remove this check"
            )
        elif kind is not None and name in kind.refused_checks:
            yield source.fault(("checks", i), f"{kind.refused_checks[name]}; remove this check")
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
                    ("checks", i, "length"),
                    f"min_words ({least}) is more than max_words ({most}); no answer could pass",
                )
    # What could not be read or carried out must not count as accepted.
    needed = kind.required_checks if kind is not None else ("schema",)
    if names and (missing := [name for name in needed if name not in names]):
        yield source.fault(
            ("checks",),
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} required: "
            f"without {'it' if len(missing) == 1 else 'them'} empty samples would be accepted",
        )


def _stages(source: Source) -> Iterator[Fault]:
    stages = _at(source, "student", "stages")
    seen: set[str] = set()
    for i, stage in enumerate(stages if isinstance(stages, list) else []):
        if not isinstance(stage, dict) or len(stage) != 1:
            continue
        name = next(iter(stage))
        where: Where = ("student", "stages", i, name)
        if name in seen:
            yield source.fault(where, "a second stage of this name; their checkpoints would share a folder")
        kind = _kind(source)
        if (
            kind is not None
            and not kind.calls_tools
            and isinstance(stage[name], dict)
            and "call_weight" in stage[name]
        ):
            yield source.fault((*where, "call_weight"), f"the kind {kind.name} has no calls; remove it")
        if isinstance(stage[name], dict) and isinstance(validation := stage[name].get("validation"), dict):
            every = validation.get("every", Validation.model_fields["every"].default)
            steps = stage[name].get("steps")
            if isinstance(every, int) and isinstance(steps, int) and every > steps:
                yield source.fault(
                    (*where, "validation", "every"),
                    f"is more than the stage's {steps} steps, so nothing would be validated",
                )
        if name == "distill" and kind is not None and not kind.is_asked:
            yield source.fault(
                where, f"the kind {kind.name} has no answers of the teacher's to learn from; write sft"
            )
        elif name == "distill" and name not in seen and isinstance(stage[name], dict):
            yield from distill_rules.faults(source, where, stage[name], _at(source, "teacher"))
        seen.add(name)
