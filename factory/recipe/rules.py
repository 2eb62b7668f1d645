"""What a recipe must keep beyond its fields: rules between fields, files that exist, models that can be
meant.

Promise: works on raw values, whatever their types, so that these faults are reported with those of the
fields. Reads no file: only names are looked at. Not promised: that the contents of a file are right, or that
a Hugging Face id exists.
"""

from collections.abc import Iterator
from pathlib import Path

from factory.errors import InputError
from factory.recipe import compress, data_rules, prune, search, student_rules, teacher
from factory.recipe.data_rules import HUB_ID
from factory.recipe.model import USUAL_LENGTH, Sampling
from factory.recipe.model_name import BUNDLED
from factory.recipe.paths import find
from factory.recipe.source import Fault, Source, Where
from factory.recipe.wording import nearest


def faults(source: Source, recipe: Path) -> Iterator[Fault]:
    """Yield every broken rule of the recipe at path `recipe`."""
    yield from _teacher(source)
    yield from _model(source, recipe, ("teacher", "model"), served=bool(source.at("teacher", "endpoints")))
    for model in (("student", "base"), ("student", "tutor", "base")):
        yield from _model(source, recipe, model, served=False)
    yield from data_rules.faults(source, recipe)
    yield from student_rules.faults(source)
    if source.at("compress") is not None and source.is_absent("student"):
        yield source.fault(("compress",), "there is no student to compress; add student, or remove compress")
    yield from compress.faults(source, source.at("compress"), evaluated=not source.is_absent("evaluate"))
    for part in ("student", "compress"):
        yield from prune.faults(source, (part, "prune"), source.at(part, "prune"))
    yield from search.faults(
        source,
        source.at("search"),
        student=source.at("student"),
        evaluated=not source.is_absent("evaluate"),
    )


def _teacher(source: Source) -> Iterator[Fault]:
    if source.at("teacher", "api_key_env") is not None and not source.at("teacher", "endpoints"):
        yield source.fault(
            ("teacher", "api_key_env"), "only with endpoints; a model that runs here needs no key"
        )
    if source.at("teacher", "timeout_s") is not None and not source.at("teacher", "endpoints"):
        yield source.fault(
            ("teacher", "timeout_s"), "only with endpoints; a model that runs here is not waited for"
        )
    yield from teacher.faults(source, source.at("teacher"))
    if source.at("teacher", "calls") == "native":
        yield from _native_calls(source)
    whole = source.at("teacher", "max_model_len")
    whole = USUAL_LENGTH if whole is None else whole
    for where, usual in (
        (("teacher", "sampling", "max_tokens"), Sampling().max_tokens),
        (("evaluate", "max_tokens"), 0),
    ):
        answer = source.at(*where)
        answer = usual if answer is None else answer
        if isinstance(answer, int) and isinstance(whole, int) and answer >= whole:
            yield source.fault(
                where, f"must be less than teacher.max_model_len ({whole}), which holds the prompt too"
            )


def _model(source: Source, recipe: Path, where: Where, *, served: bool) -> Iterator[Fault]:
    name, revision = source.at(*where), (*where[:-1], "revision")
    pinned = source.at(*revision) is not None
    if served or not isinstance(name, str) or not name:
        return
    if _is_local(name, recipe):
        yield from (source.fault(where, message) for message in _folder_faults(name, recipe))
    elif name not in BUNDLED and not HUB_ID.fullmatch(name):
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


def _native_calls(source: Source) -> Iterator[Fault]:
    where: Where = ("teacher", "calls")
    if not source.at("teacher", "endpoints"):
        yield source.fault(where, "native: only with endpoints; a model that runs here writes its calls")
    kinds = data_rules.kinds(source)
    if kinds and not any(kind.calls_tools for kind in kinds):
        named = ", ".join(kind.name for kind in kinds)
        yield source.fault(where, f"native: the kind {named} has no calls; remove it")
    if mixed := next((kind.name for kind in kinds if kind.tools_by_task), None):
        yield source.fault(where, f"native: the tools of the kind {mixed} differ by task; remove it")
    if student_rules.learns_from_teacher(source):
        yield source.fault(
            where, "native: such calls come without log-probabilities, which distill learns from; use sft"
        )
