"""The accepted samples as the student reads them: what importance, calibration and vocabulary are worked out
on."""

import json
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from factory.context.context import Context
from factory.store.store import Store
from factory.tasks.multitask import both_tasks


def chat_texts(
    context: Context, store: Store, tokenizer: PreTrainedTokenizerBase, samples: Sequence[str]
) -> list[str]:
    """Return the samples with these ids as the tokenizer's chat template renders them, in the plan's order;
    one of reasoning once for each of its two tasks."""
    texts = []
    for row in store.query(
        "SELECT messages, tools, answer FROM training_set WHERE list_contains(?, sample_id) ORDER BY position",
        [list(samples)],
    ):
        messages, tools = json.loads(row["messages"]), json.loads(row["tools"])
        chats = [messages]
        if context.loaded.recipe.data.kind == "rationale":
            chats = [
                [*asked, *said] for _, asked, said in both_tasks(messages[:1], messages[1:], row["answer"])
            ]
        texts += [str(tokenizer.apply_chat_template(chat, tools=tools, tokenize=False)) for chat in chats]
    return texts
