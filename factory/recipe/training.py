"""What every stage of training has."""

from pydantic import Field

from factory.recipe.part import Part


class Training(Part):
    """Steps, speed and memory of a stage of training."""

    steps: int = Field(ge=1, le=1_000_000, description="Optimizer steps.")
    batch_size: int = Field(default=16, ge=1, le=1024, description="Samples in one step.")
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="Highest learning rate, reached after the warm-up.")
    warmup: float = Field(default=0.1, ge=0, le=1, description="Share of the steps in which the learning rate rises.")
    save_every: int = Field(default=20, ge=1, description="Steps between checkpoints: what a crash may cost.")
    group_by_length: bool = Field(default=False, description="Put samples of like length into one step: less padding, less chance.")
    gradient_checkpointing: bool = Field(
        default=False, description="Keep fewer intermediate results and work them out again: less memory, a third more time."
    )


class Sft(Training):
    """Supervised fine-tuning: learn the accepted answers."""
