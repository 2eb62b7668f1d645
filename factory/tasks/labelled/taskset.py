"""The kind `labelled`: each conversation is a task, and its own answer is the sample.

Nobody is asked. The teacher's place in the plan is kept all the same: a conversation's content id stands
where the key of a request would.
"""

from collections.abc import Iterator

from factory.seeds.conversations import reference_of, step_of
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.labelled.conversation import read
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import Episode, Pool


class LabelledTaskset:
    """The conversations of the seeds, each once, in their order."""

    template_digest = content_id("labelled")  # nothing is rendered

    def __init__(self, seeds: list[Seed]):
        self.seeds = {seed.seed_id: seed for seed in seeds}

    def tasks(self, pool: Pool) -> Iterator[Task | None]:
        """Yield a task for each seed."""
        for seed_id, seed in self.seeds.items():
            yield Task(seed_id, seed.language, seed.family, seed.question, seed.reference)

    def episode(self, task: Task, draw: int) -> Episode:
        """Ask nothing, and return the conversation as it is."""
        return sample(task, self.seeds[task.seed_id])
        yield  # a generator that ends before its first question


def sample(task: Task, seed: Seed) -> Sample:
    """Return the sample of a conversation; its fault is the first thing that is wrong in it."""
    whole = read(seed)
    fault, detail = whole.fault() or (None, "")
    steps = [step_of(message) for message in whole.messages if message.get("tool_calls")]
    last = next(message for message in reversed(whole.messages) if message["role"] == "assistant")
    spoken = [
        [message["role"], " ".join((message["content"] or "").split()), step_of(message)]
        for message in whole.messages
    ]
    return Sample(
        request_key=content_id({"conversation": seed.conversation}),
        task=task,
        text=reference_of(last),
        finish_reason="stop",
        fault=fault,
        detail=detail,
        call=steps or None,
        answer=last["content"] or None,
        messages=None if fault else whole.messages,
        tools=whole.tools,
        origins=whole.origins,
        said="\n".join(text for role, text, _ in spoken if role in ("user", "assistant")),
        dedup_key=content_id([spoken, whole.tools]),
    )
