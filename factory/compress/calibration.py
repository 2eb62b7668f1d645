"""The accepted samples as the student reads them: what importance, calibration and vocabulary are worked out
on."""

import json
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from factory.context.run import Run
from factory.context.training_set import TrainingSet


def chat_texts(
    run: Run, samples: TrainingSet, tokenizer: PreTrainedTokenizerBase, ids: Sequence[str] | None = None
) -> list[str]:
    """Return the samples, or those with these ids, as the tokenizer's chat template renders them, in the
    plan's order; one that is learnt as several tasks once for each."""
    texts = []
    for row in samples.rows("t.messages, t.tools, t.answer", ids):
        messages, tools = json.loads(row["messages"]), json.loads(row["tools"])
        for _, asked, answer in run.kind.student_tasks(messages[:1], messages[1:], row["answer"]):
            chat = [*asked, *answer]
            texts.append(run.chat_format.render(chat, tools, tokenizer=tokenizer))
    return texts
