"""The accepted samples as the student reads them: what importance, calibration and vocabulary are worked out
on."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from factory.context.run import Run
from factory.context.training_set import TrainingSet
from factory.tasks.kinds import stored_kind


def chat_texts(
    run: Run, samples: TrainingSet, tokenizer: PreTrainedTokenizerBase, ids: Sequence[str] | None = None
) -> list[str]:
    """Return the samples, or those with these ids, as the tokenizer's chat template renders them, in the
    plan's order; one that is learnt as several tasks once for each."""
    texts = []
    for row, conversation in samples.conversations(ids):
        for lesson in stored_kind(row["kind"]).lessons(conversation, row["answer"]):
            texts.append(run.chat_format.render(lesson.messages, lesson.tools, tokenizer=tokenizer))
    return texts
