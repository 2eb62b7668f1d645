"""The accepted samples as the student reads them: what importance, calibration and vocabulary are worked out
on."""

import json
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from factory.chat_formats.served import as_served
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
            rendered = tokenizer.apply_chat_template(as_served(chat), tools=tools, tokenize=False)
            texts.append(str(rendered))
    return texts
