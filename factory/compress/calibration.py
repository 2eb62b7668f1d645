"""The accepted samples as the student reads them: what importance, calibration and vocabulary are worked out
on."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from factory.chat_formats.served import as_served
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
            chat = as_served(lesson.messages)
            texts.append(str(tokenizer.apply_chat_template(chat, tools=lesson.tools, tokenize=False)))
    return texts
