"""A recipe in a workspace, and the models that it names.

Promise: the same recipe and files give the same models, in the parent process and in every child. Nothing
here loads a model.
"""

from dataclasses import dataclass
from functools import cached_property

from factory.chat_formats.auto import AUTO, Choice, choose
from factory.chat_formats.format import ChatFormat
from factory.chat_formats.formats import DEFAULT, FORMATS
from factory.models.forms import is_encoder
from factory.models.resolve import ModelSource, resolve_endpoint, resolve_model
from factory.recipe.load import LoadedRecipe
from factory.recipe.model import Evaluate
from factory.recipe.student import Student
from factory.system.progress import Progress
from factory.workspace import Workspace


@dataclass(frozen=True)
class Run:
    """What training, compression and everything above them know of a run. What is asked of the teacher is the
    `Plan` of it. `other_recipe`: the workspace may hold the work of another one."""

    loaded: LoadedRecipe
    workspace: Workspace
    progress: Progress
    other_recipe: bool = False

    @cached_property
    def teacher(self) -> ModelSource:
        teacher = self.loaded.recipe.teacher
        if teacher.endpoints:
            return resolve_endpoint(teacher.model, teacher.revision)
        return resolve_model(teacher.model, teacher.revision, self.loaded.resolve)

    @cached_property
    def base(self) -> ModelSource:
        return resolve_model(self.student.base, self.student.revision, self.loaded.resolve)

    @cached_property
    def tutor_base(self) -> ModelSource:
        """The model that becomes the tutor."""
        tutor = self.student.tutor
        if tutor is None or tutor.base is None:
            return self.teacher
        return resolve_model(tutor.base, tutor.revision, self.loaded.resolve)

    @cached_property
    def chat_choice(self) -> Choice:
        """The student's chat format by name, and why it is this one."""
        if self.reads_only:
            return Choice(DEFAULT, "none: an encoder reads the bare text and writes nothing")
        if self.student.format == AUTO:
            return choose(self.base.folder)
        return Choice(self.student.format, "the recipe names it")

    @cached_property
    def chat_format(self) -> ChatFormat:
        """How the student writes its conversations."""
        return FORMATS[self.chat_choice.name].for_model(self.base.folder)

    @cached_property
    def reads_only(self) -> bool:
        """Whether the base is an encoder, which writes no text."""
        return self.base.ready and is_encoder(self.base.facts().config)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels that the student has a head for, in order; none where it writes its answers."""
        if not (self.student.head or self.reads_only):
            return ()
        (first, *_) = self.loaded.recipe.sources
        return first.kind.labels(first.data)

    @property
    def set_aside(self) -> float:
        """The share of the seeds that the recipe asks to keep from every stage of training."""
        watched = self.student.validation_share
        return max(watched, self.student.calibration.share) if self.labels else watched

    @property
    def student(self) -> Student:
        assert self.loaded.recipe.student is not None
        return self.loaded.recipe.student

    @property
    def evaluation(self) -> Evaluate:
        assert self.loaded.recipe.evaluate is not None
        return self.loaded.recipe.evaluate
