"""One answer as the checks see it, whatever kind of task it came from."""

from factory.tasks.sample import Sample, Task

QUESTION = "How do bees find their way home?"


def judged(
    answer: str | None,
    *,
    question: str = QUESTION,
    text: str | None = None,
    rationale: str | None = None,
    reference: str = "",
    language: str = "en",
    family: str = "general",
) -> Sample:
    """Return a sample with an answer; `text` is what the teacher wrote, the answer itself if it is not
    given."""
    return Sample(
        sample_id="b2:sample",
        request_key="b2:request",
        task=Task("b2:seed", language, family, question, reference),
        text=(answer or "") if text is None else text,
        finish_reason="stop",
        answer=answer,
        dedup_key="b2:content",
        said=question,
        rationale=rationale,
    )
