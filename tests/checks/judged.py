"""One answer as the checks see it, whatever kind of task it came from."""

from factory.checks.check import Judged
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
) -> Judged:
    """Return a sample with an answer; `text` is what the teacher wrote, the answer itself if it is not given."""
    sample = Sample(
        sample_id="b2:sample",
        task=Task("b2:seed", language, family, question, reference),
        text=(answer or "") if text is None else text,
        call=None,
        fault=None,
        result=None,
        answer=answer,
        messages=None,
        content_id="b2:content",
        said=question,
        rationale=rationale,
    )
    return Judged(sample, "stop", 0)
