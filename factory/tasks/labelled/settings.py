"""Settings of labelled conversations."""

from typing import Literal

from pydantic import Field

from factory.seeds.masking import Treatment
from factory.tasks.settings import DataSettings


class LabelledData(DataSettings):
    """Conversations that people, or a model in use, wrote: checked and learnt, never asked again."""

    kind: Literal["labelled"] = Field(description="What a sample is.")
    personal: Treatment = Field(
        default="mask",
        description="What becomes of mail addresses, phone numbers, payment cards, IBANs and keys, before "
        "anything is stored: mask (a placeholder such as [MAIL_1]), refuse (the row is left out), keep.",
    )
