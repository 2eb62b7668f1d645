"""Which models a recipe makes of the store's samples, each with an id that follows from everything that
determines it.

Promise: the same samples, base, settings and seed give the same ids; a model whose id is in the store is
never trained again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from factory.chat_formats.formats import DEFAULT
from factory.context.context import Context
from factory.models.artifact import Artifact, verify
from factory.recipe.model import DistillStage, SftStage
from factory.store.store import Store
from factory.system.digest import content_id
from factory.text.templates import template_digest

T = TypeVar("T")


@dataclass(frozen=True)
class Planned:
    """A model to be made: its id, its folder's name below the workspace's models, and what it is made
    from."""

    artifact_id: str
    kind: str
    name: str
    parents: list[str]
    about: dict[str, Any]


def training_samples(store: Store) -> list[str]:
    """Return the ids of the accepted samples, in the plan's order."""
    return [row["sample_id"] for row in store.query("SELECT sample_id FROM training_set ORDER BY position")]


def spread(samples: Sequence[T], count: int) -> list[T]:
    """Return `count` of the samples, or all, evenly from all."""
    count = min(count, len(samples))
    return [samples[place * len(samples) // count] for place in range(count)]


def format_choice(context: Context) -> dict[str, str]:
    """Return what ids and model folders say of the chat format: nothing of the default one, which there was
    before there was a choice."""
    return {} if context.student.format == DEFAULT else {"format": context.student.format}


def plan_adapters(context: Context, samples: list[str]) -> list[tuple[SftStage | DistillStage, Planned]]:
    """Return the adapter after each stage of training, in order."""
    student, recipe = context.student, context.loaded.recipe
    adapters = []
    pruned = plan_pruned(context, samples)
    parent = pruned.artifact_id if pruned else model_id(context.base.name, context.base.revision)
    for stage in student.stages:
        about = {
            "base": context.base.name,
            "base_revision": context.base.revision,
            "adapter": student.adapter.identity(),
            "show_tools": student.show_tools,
            "precision": student.precision,
            "stage": stage.identity(),
            "seed": recipe.seed,
            "samples": content_id(samples),
        }
        about |= format_choice(context)
        if context.chat_format.own_template(context.workspace.prompts):
            about["template"] = template_digest(context.chat_format.template, context.workspace.prompts)
        if student.validation_share:
            about["set_aside"] = student.validation_share
        about |= context.kind.training_identity(recipe.data)
        parents = [parent]
        if stage.name == "distill":
            parents.append(model_id(context.teacher.name, context.teacher.revision))
        adapter_id = content_id(about | {"parents": parents})
        kind = student.adapter.artifact_kind
        name = "-".join([student.adapter.name or kind, stage.name, adapter_id[3:13]])
        adapters.append((stage, Planned(adapter_id, kind, name, parents, about)))
        parent = adapter_id
    return adapters


def plan_pruned(context: Context, samples: list[str]) -> Planned | None:
    """Return what pruning leaves of the base, None where nothing is taken out."""
    if context.student.prune is None:
        return None
    about = {
        "base": context.base.name,
        "base_revision": context.base.revision,
        "prune": context.student.prune.identity(),
        "samples": content_id(samples),
    } | format_choice(context)
    parents = [model_id(context.base.name, context.base.revision)]
    pruned_id = content_id(about | {"parents": parents})
    return Planned(pruned_id, "pruned", f"base-pruned-{pruned_id[3:13]}", parents, about)


def plan_student(context: Context, samples: list[str]) -> Planned:
    """Return the merged model of the last adapter."""
    _, last = plan_adapters(context, samples)[-1]
    student_id = content_id({"merged": last.artifact_id})
    return Planned(
        student_id,
        "merged",
        f"{_called(context)}-{student_id[3:13]}",
        [last.artifact_id],
        {"adapter": last.artifact_id} | format_choice(context),
    )


def plan_quantized(context: Context, samples: list[str]) -> Planned:
    """Return the compressed model of the merged one."""
    assert context.loaded.recipe.compress is not None
    settings = context.loaded.recipe.compress.making
    parent = plan_student(context, samples).artifact_id
    quantized_id = content_id({"parent": parent, "compress": settings})
    name = f"{_called(context)}-{settings['quantize'] or 'small'}-{quantized_id[3:13]}"
    return Planned(quantized_id, "quantized", name, [parent], settings | format_choice(context))


def plan_recovered(context: Context, samples: list[str]) -> Planned:
    """Return the compressed model that is trained on and compressed again."""
    settings = context.loaded.recipe.compress
    assert settings is not None and settings.recover is not None
    compressed = plan_quantized(context, samples)
    about = settings.making | {"repair": settings.recover.identity(), "seed": context.loaded.recipe.seed}
    recovered_id = content_id(
        {"parent": compressed.artifact_id, "repair": about["repair"], "seed": about["seed"]}
    )
    name = f"{_called(context)}-{settings.quantize or 'small'}-recovered-{recovered_id[3:13]}"
    # Models that were made when the stage was called repair keep the name of their folder.
    earlier = name.replace("-recovered-", "-repaired-")
    if (context.workspace.models / earlier).is_dir():
        name = earlier
    parents = [compressed.artifact_id, *compressed.parents]
    return Planned(recovered_id, "quantized", name, parents, about | format_choice(context))


def _called(context: Context) -> str:
    named = context.student.adapter.name
    return f"student-{named}" if named else "student"


def model_id(name: str, revision: str) -> str:
    """Return the artifact id of a model that was not made here."""
    return content_id({"model": name, "revision": revision})


def is_made(context: Context, store: Store, planned: Planned) -> bool:
    """Whether the model is in the store and its folder is whole: as quickly proved as `verify` can (who uses
    it, reads all)."""
    if not store.query("SELECT 1 FROM artifacts WHERE artifact_id = ?", [planned.artifact_id]):
        return False
    folder = context.workspace.models / planned.name
    return folder.is_dir() and bool(verify(folder, quick=True))


def record(
    context: Context, store: Store, planned: Planned, artifact: Artifact, samples: dict[str, list[str]]
) -> None:
    """Enter a finished model into the store, with the samples it was made with by role; a model that is there
    stays."""
    if store.query("SELECT 1 FROM artifacts WHERE artifact_id = ?", [planned.artifact_id]):
        return
    store.commit(
        artifacts=[
            {
                "artifact_id": planned.artifact_id,
                "kind": planned.kind,
                "name": planned.name,
                "path": artifact.folder.relative_to(context.workspace.root).as_posix(),
                "digest": artifact.digest,
                "weight_bytes": artifact.weight_bytes,
                "parents": planned.parents,
                "about": planned.about,
            }
        ],
        artifact_samples=[
            {"artifact_id": planned.artifact_id, "sample_id": sample_id, "role": role}
            for role, ids in samples.items()
            for sample_id in ids
        ],
    )
