"""Which models a recipe makes of the store's samples, each with an id that follows from everything that
determines it.

Promise: the same samples, base, settings and seed give the same ids; a model whose id is in the store is
never trained again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from factory.adapters.adapter import Adapter
from factory.chat_formats.formats import DEFAULT
from factory.context.run import Run
from factory.context.training_set import TrainingSet
from factory.errors import FactoryError
from factory.models.artifact import Artifact, verify
from factory.models.resolve import ModelSource
from factory.recipe.sources import DataSource
from factory.recipe.stages import Stage
from factory.store.store import Store
from factory.system.digest import content_id
from factory.text.templates import template_digest


@dataclass(frozen=True)
class Planned:
    """A model to be made: its id, its folder's name below the workspace's models, and what it is made
    from."""

    artifact_id: str
    kind: str
    name: str
    parents: list[str]
    about: dict[str, Any]


class Lineage:
    """The models of a run's recipe in one state of the store: each is worked out once, when it is first asked
    for. Another state of the store has another lineage."""

    def __init__(self, run: Run, store: Store):
        self._run, self._store = run, store

    @cached_property
    def samples(self) -> TrainingSet:
        return TrainingSet(self._store)

    @cached_property
    def pruned(self) -> Planned | None:
        """What pruning leaves of the base, None where nothing is taken out."""
        run = self._run
        if run.student.prune is None:
            return None
        about = {
            "base": run.base.name,
            "base_revision": run.base.revision,
            "prune": run.student.prune.identity(),
            "samples": self.samples.content_id,
        } | format_choice(run)
        parents = [model_id(run.base.name, run.base.revision)]
        pruned_id = content_id(about | {"parents": parents})
        return Planned(pruned_id, "pruned", f"base-pruned-{pruned_id[3:13]}", parents, about)

    @cached_property
    def adapters(self) -> list[tuple[Stage, Planned]]:
        """The adapter after each stage of training, in order."""
        run, student = self._run, self._run.student
        adapters = []
        parent = self.pruned.artifact_id if self.pruned else model_id(run.base.name, run.base.revision)
        for stage in student.stages:
            about = self._trained(run.base, student.adapter, stage.identity())
            if student.schedule != "one" and len(student.stages) > 1:
                about["schedule"] = student.schedule
            parents = [parent]
            if student.has_tutor(stage):
                assert self.tutor is not None
                parents.append(self.tutor.artifact_id)
            elif stage.distillation:
                parents.append(model_id(run.teacher.name, run.teacher.revision))
            adapter_id = content_id(about | {"parents": parents})
            kind = student.adapter.artifact_kind
            name = "-".join([student.adapter.name or kind, stage.name, adapter_id[3:13]])
            adapters.append((stage, Planned(adapter_id, kind, name, parents, about)))
            parent = adapter_id
        return adapters

    @cached_property
    def tutor(self) -> Planned | None:
        """The teacher that has learnt the task, None where the recipe has none."""
        run, tutor = self._run, self._run.student.tutor
        if tutor is None:
            return None
        settings = tutor.identity(exclude={"base", "revision", "adapter"})
        about = self._trained(run.tutor_base, tutor.adapter, {"tutor": settings})
        parents = [model_id(run.tutor_base.name, run.tutor_base.revision)]
        tutor_id = content_id(about | {"parents": parents})
        return Planned(tutor_id, "tutor", f"tutor-{tutor_id[3:13]}", parents, about)

    def _trained(self, base: ModelSource, adapter: Adapter, stage: dict[str, Any]) -> dict[str, Any]:
        """Return what decides how a model is trained on the samples."""
        run, student, recipe = self._run, self._run.student, self._run.loaded.recipe
        about = {
            "base": base.name,
            "base_revision": base.revision,
            "adapter": adapter.identity(),
            "show_tools": student.show_tools,
            "precision": student.precision,
            "stage": stage,
            "seed": recipe.seed,
            "samples": self.samples.content_id,
        }
        about |= format_choice(run)
        if run.chat_format.own_template(run.workspace.prompts):
            about["template"] = template_digest(run.chat_format.template, run.workspace.prompts)
        if run.set_aside:
            about["set_aside"] = run.set_aside
        # Before seeds were set aside by themselves, nobody had to say that none is.
        if not student.validation_share and not student.watches_by_default:
            about["validation"] = False
        if run.labels:
            about["head"] = list(run.labels)
        return about | training_identity(recipe.sources)

    @cached_property
    def student(self) -> Planned:
        """The merged model of the last adapter, or of the one that ships instead (`factory.student.gate`):
        its id says what was asked for, `about` of the made one which it is."""
        run, (_, last) = self._run, self.adapters[-1]
        calibrated = {"calibration": run.student.calibration.identity()} if run.labels else {}
        ungated = {} if run.student.gate else {"gate": False}
        student_id = content_id({"merged": last.artifact_id} | calibrated | ungated)
        name = f"{self._called}-{student_id[3:13]}"
        about = {"adapter": last.artifact_id} | calibrated | format_choice(run)
        return Planned(student_id, "merged", name, [last.artifact_id], about)

    @cached_property
    def quantized(self) -> Planned:
        """The compressed model of the merged one."""
        assert self._run.loaded.recipe.compress is not None
        settings = self._run.loaded.recipe.compress.making
        parent = self.student.artifact_id
        quantized_id = content_id({"parent": parent, "compress": settings})
        name = f"{self._called}-{settings['quantize'] or 'small'}-{quantized_id[3:13]}"
        return Planned(quantized_id, "quantized", name, [parent], settings | format_choice(self._run))

    @cached_property
    def recovered(self) -> Planned:
        """The compressed model that is trained on and compressed again."""
        settings = self._run.loaded.recipe.compress
        assert settings is not None and settings.recover is not None
        compressed, seed = self.quantized, self._run.loaded.recipe.seed
        about = settings.making | {"repair": settings.recover.identity(), "seed": seed}
        recovered_id = content_id(
            {"parent": compressed.artifact_id, "repair": about["repair"], "seed": about["seed"]}
        )
        # The first name of the stage: by it the folders of models that were made under it are found.
        name = f"{self._called}-{settings.quantize or 'small'}-repaired-{recovered_id[3:13]}"
        parents = [compressed.artifact_id, *compressed.parents]
        return Planned(recovered_id, "quantized", name, parents, about | format_choice(self._run))

    @property
    def _called(self) -> str:
        named = self._run.student.adapter.name
        return f"student-{named}" if named else "student"

    def is_made(self, planned: Planned) -> bool:
        """Whether the model is in the store and its folder is whole: as quickly proved as `verify` can (who
        uses it, reads all)."""
        if not self._store.query("SELECT 1 FROM artifacts WHERE artifact_id = ?", [planned.artifact_id]):
            return False
        folder = self._run.workspace.models / planned.name
        return folder.is_dir() and bool(verify(folder, quick=True))

    def require_samples(self) -> None:
        """Raise FactoryError if no sample was accepted."""
        if not self.samples.ids:
            raise FactoryError(
                "no sample was accepted, so there is nothing to learn from",
                f"See why: factory audit yield_by_check -w {self._run.workspace.root}",
            )

    def require_made(self, planned: Planned, what: str, verb: str) -> None:
        """Raise FactoryError if a model is missing that the stage `verb` makes."""
        if not self.is_made(planned):
            path = self._run.loaded.path
            raise FactoryError(
                f"the {what} of {path} is not made yet",
                f"Make it first: factory {verb} {path} -w {self._run.workspace.root}",
            )

    def record(self, planned: Planned, artifact: Artifact, samples: dict[str, list[str]]) -> None:
        """Enter a finished model into the store, with the samples it was made with by role; a model that is
        there stays."""
        if self._store.query("SELECT 1 FROM artifacts WHERE artifact_id = ?", [planned.artifact_id]):
            return
        self._store.commit(
            artifacts=[
                {
                    "artifact_id": planned.artifact_id,
                    "kind": planned.kind,
                    "name": planned.name,
                    "path": artifact.folder.relative_to(self._run.workspace.root).as_posix(),
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


def training_identity(sources: Sequence[DataSource]) -> dict[str, Any]:
    """Return the settings of the data that decide what is learnt from the samples."""
    each = [source.kind.training_identity(source.data) for source in sources]
    if len(sources) == 1:
        return each[0]
    pairs = zip(sources, each, strict=True)
    return {"sources": [[source.name, source.weight, identity] for source, identity in pairs]}


def format_choice(run: Run) -> dict[str, str]:
    """Return what ids and model folders say of the chat format: nothing of the default one, which there was
    before there was a choice."""
    return {} if run.chat_choice.name == DEFAULT else {"format": run.chat_choice.name}


def model_id(name: str, revision: str) -> str:
    """Return the artifact id of a model that was not made here."""
    return content_id({"model": name, "revision": revision})
