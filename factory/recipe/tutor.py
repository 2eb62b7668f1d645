"""Settings of the tutor: the teacher, or another model with the student's tokenizer, which learns the task
before it teaches."""

from pydantic import Field

from factory.adapters.lora import Lora
from factory.recipe.model_name import MODEL, PINNED, REVISION, ModelName
from factory.recipe.training import Sft


class Tutor(Sft):
    """A teacher that learns the student's own rows, in the student's chat format, before it teaches."""

    base: ModelName | None = Field(
        default=None, description="The model that becomes the tutor. Empty: the recipe's teacher. " + MODEL
    )
    revision: str | None = Field(default=None, pattern=REVISION, description=PINNED)
    adapter: Lora = Field(default=Lora(), description="How it is trained.")
    batch_size: int = Field(default=8, ge=1, le=1024, description="Samples in one step.")
    learning_rate: float = Field(
        default=5e-4, gt=0, le=1, description="Highest learning rate, reached after the warm-up."
    )
    # A bar, and no part of what is trained: it is in no id.
    least_gain: float = Field(
        default=5.0,
        ge=-100,
        le=100,
        exclude=True,
        description="Points by which the tutor has to be better than the student before each stage that "
        "learns from it: share of the set-aside rows that it writes exactly. Below it the stage is refused.",
    )
