"""Token rows of one stored sample, as training makes them."""

from typing import Any

from factory.chat_formats.format import ChatFormat
from factory.tasks.conversation import stored_conversation
from factory.tasks.kinds import KINDS
from factory.tasks.rows import RowBuilder, TrainingRow


def token_rows(
    sample: dict[str, Any],
    kind: str,
    tokenizer: Any,
    chat_format: ChatFormat,
    *,
    own_tokens: bool = True,
    teacher: bool = True,
    **data: Any,
) -> list[TrainingRow]:
    """Return the rows of a sample of one answer, whose columns it has beside its own: `teacher_messages` are
    those that the teacher was asked with. `data` are settings of the kind."""
    of_teacher = tokenizer if own_tokens and teacher else None
    builder = RowBuilder(chat_format, tokenizer, of_teacher, own_tokens, len(tokenizer))
    columns = ("origins", "request_keys", "answer", "rationale")
    row = {**dict.fromkeys(columns), "request_key": "k", "tools": "[]", **sample}
    answer = row | {"messages": row["teacher_messages"]}
    settings = KINDS[kind].settings.model_construct(kind=kind, **data)
    return builder.rows(KINDS[kind], settings, row, stored_conversation(row), {"k": answer})
