"""The accepted samples as the student reads them: what importance, calibration and vocabulary are worked out
on."""

import json
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from factory.context.context import Context
from factory.store.store import Store


def chat_texts(
    context: Context, store: Store, tokenizer: PreTrainedTokenizerBase, samples: Sequence[str]
) -> list[str]:
    """Return the samples with these ids as the tokenizer's chat template renders them, in the plan's order;
    one that is learnt as several tasks once for each."""
    texts = []
    for row in store.query(
        "SELECT messages, tools, answer FROM training_set WHERE list_contains(?, sample_id) "
        "ORDER BY position",
        [list(samples)],
    ):
        messages, tools = json.loads(row["messages"]), json.loads(row["tools"])
        for _, asked, said in context.kind.student_tasks(messages[:1], messages[1:], row["answer"]):
            chat = [*asked, *said]
            texts.append(str(tokenizer.apply_chat_template(chat, tools=tools, tokenize=False)))
    return texts
