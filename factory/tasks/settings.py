"""Settings under `data` that every kind shares: the seeds it starts from, how many samples, and what they may
cost."""

from typing import Literal

from pydantic import Field

from factory.seeds.masking import Treatment
from factory.system.settings import PATH, FilePath, Settings

LANGUAGE = "^[a-z]{2,3}$"


class Budget(Settings):
    """What making the data may cost at most. Turns of samples that are already started still end."""

    requests: int | None = Field(
        default=None,
        ge=1,
        le=10**9,
        description="Most requests to the teacher. Empty, without tokens too: a default that follows from "
        "count, 20 answers for each sample, and 1000 requests at least.",
    )
    tokens: int | None = Field(
        default=None,
        ge=1,
        le=10**15,
        description="Most tokens, prompts and answers together. Empty: no limit.",
    )


class DataSettings(Settings):
    """What a recipe may say of data of any kind; each kind adds its own settings."""

    seeds: FilePath = Field(
        description="Seed tasks: JSON Lines, a JSON array, CSV, Parquet, a folder of a dataset, "
        "or the Hugging Face id of one." + PATH
    )
    columns: dict[str, str] = Field(
        default={},
        max_length=32,
        description="Which column of the seeds holds what, such as {question: problem, reference: solution}.",
    )
    split: str | None = Field(
        default=None, min_length=1, max_length=200, description="Which split of a dataset. Empty: train."
    )
    # In no id but the seeds': recipes are older than the choice.
    language: str | None = Field(
        default=None,
        pattern=LANGUAGE,
        exclude_if=lambda language: language is None,
        description="Language of rows that name none, as a code such as de. Empty: by their words.",
    )
    strict: bool = Field(
        default=False, description="Stop at a bad line of the seeds. Off: bad lines are reported and skipped."
    )
    # `keep` is in no id: recipes are older than the choice.
    personal: Treatment = Field(
        default="keep",
        exclude_if=lambda treatment: treatment == "keep",
        description="What becomes of mail addresses, phone numbers, payment cards, IBANs and keys in seeds "
        "and held-out tasks, before anything is stored: mask (a placeholder such as [MAIL_1]), refuse (the "
        "row is left out), keep.",
    )
    count: int = Field(
        ge=1,
        le=1_000_000,
        description="How many accepted samples to make; fewer if the seeds or the budget end before.",
    )
    samples_per_prompt: int = Field(
        default=1,
        ge=1,
        le=64,
        serialization_alias="draws",
        description="How many answers to draw for each question.",
    )
    # `teacher` is in no id: recipes are older than the choice.
    answers: Literal["teacher", "reference", "both"] = Field(
        default="teacher",
        exclude_if=lambda answers: answers == "teacher",
        description="Whose answers are learnt. reference: those that the seeds bring; nobody is asked. "
        "both: the teacher's, and the reference's where none of the teacher's was accepted.",
    )
    examples: int = Field(
        default=5,
        ge=0,
        le=16,
        description="Worked examples in the teacher's prompt; the student never sees them.",
    )
    budget: Budget = Field(default=Budget(), description="What making the data may cost at most.")
    kind: str = Field(description="What a sample is.")

    @property
    def draws(self) -> int:
        """How many answers a question has, that of its reference among them."""
        asked = 0 if self.answers == "reference" else self.samples_per_prompt
        return asked + (self.answers != "teacher")

    def is_reference(self, draw: int) -> bool:
        """Whether a draw of a question, in whatever round of tries, is its reference: the last of each
        round."""
        return self.answers != "teacher" and (draw + 1) % self.draws == 0


class CustomTools(Settings):
    """Tools of your own: functions of a Python file, each run in a child process with limits. Off unless it
    is written here."""

    python: FilePath = Field(
        description="A Python file with a function for each tool that does not ship." + PATH
    )
    timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=600,
        serialization_alias="seconds",
        description="Seconds that one call may take.",
    )
    memory_mb: int = Field(default=256, ge=64, le=65536, description="Most memory of the process, in MB.")
