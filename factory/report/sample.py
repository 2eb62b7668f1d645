"""A few samples to read, accepted and rejected."""

from pydantic import Field

from factory.report.part import Part


class Reason(Part):
    """Why one check refused one sample."""

    check: str
    reason: str
    detail: str = ""


class Sample(Part):
    """One sample to read; every text is as the teacher or a tool wrote it and is not to be trusted."""

    sample_id: str
    language: str | None = None
    question: str
    call: str | None = None
    result: str | None = None
    answer: str | None = None
    reasons: list[Reason] = []


class Samples(Part):
    """A few samples of each fate."""

    accepted: list[Sample] = Field(default=[], max_length=12)
    rejected: list[Sample] = Field(default=[], max_length=12)
