"""The accepted samples as the student reads them: what importance, calibration and vocabulary are worked out
on."""

import json
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from factory.context.run import Run
from factory.context.training_set import TrainingSet
from factory.tasks.multitask import both_tasks


def chat_texts(
    context: Run, samples: TrainingSet, tokenizer: PreTrainedTokenizerBase, ids: Sequence[str] | None = None
) -> list[str]:
    """Return the samples, or those with these ids, as the tokenizer's chat template renders them, in the
    plan's order; one of reasoning once for each of its two tasks."""
    texts = []
    for row in samples.rows("t.messages, t.tools, t.answer", ids):
        messages, tools = json.loads(row["messages"]), json.loads(row["tools"])
        chats = [messages]
        if context.loaded.recipe.data.kind == "rationale":
            chats = [
                [*asked, *said] for _, asked, said in both_tasks(messages[:1], messages[1:], row["answer"])
            ]
        texts += [str(tokenizer.apply_chat_template(chat, tools=tools, tokenize=False)) for chat in chats]
    return texts
