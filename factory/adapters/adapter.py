"""Base class of every adapter: what of the student is trained, as settings of a recipe and as code.

Adding one takes a file here with a class and `ADAPTER`, and its name in `factory.adapters.kinds`. Recipes
import these files: torch, transformers and peft are imported inside the methods.
"""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from factory.system.settings import Settings

NAME = r"^[a-z0-9][a-z0-9-]{0,30}$"


class Adapter(Settings):
    """Settings and methods of one kind; a subclass adds `kind`, a Literal with its name in the table.

    `artifact_kind` is what a stage of training publishes: an adapter, which is loaded onto the base, or a
    model of its own, which takes the base's place. `float32`: the weights of the base itself are trained, so
    the base is loaded in float32 whatever `student.precision` says, because bfloat16 rounds small updates
    away. `heads`: it can train a student with a classification head.
    """

    artifact_kind: ClassVar[Literal["adapter", "model"]] = "adapter"
    float32: ClassVar[bool] = False
    heads: ClassVar[bool] = True

    name: str | None = Field(
        default=None, pattern=NAME, description="What to call it, and the student, among others of one base."
    )

    @abstractmethod
    def wrap(self, model: Any, tokenizer: Any, new: Sequence[str] = ()) -> Any:
        """Return the base `model` with something untrained on it. Random numbers are torch's, seeded by the
        caller. `new` are the modules, such as a head, that the base never had: all of them is trained."""

    @abstractmethod
    def resume(self, model: Any, trained: Path) -> Any:
        """Return `model`, trainable, with what an earlier stage published in `trained`. `model` is the base,
        or, where the artifact is a model, that model."""

    @abstractmethod
    def merge(self, model: Any, trained: Path, tokenizer: Any) -> Any:
        """Return one plain model of `model`, which is as in `resume` but in float32, and `trained`.
        `tokenizer` may be changed in place; it is saved with the model."""
