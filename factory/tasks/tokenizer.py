"""A tokenizer with a chat template, as far as training rows need one: `transformers` has them, and is not
imported for it."""

from collections.abc import Sequence
from typing import Any, Protocol


class ChatTokenizer(Protocol):
    """What `transformers.PreTrainedTokenizerBase` offers."""

    all_special_ids: Any

    def encode(self, text: str, *, add_special_tokens: bool) -> Sequence[int]:
        """Return the token ids of a text."""
        ...

    def decode(self, token_ids: Any, *, skip_special_tokens: bool) -> Any:
        """Return the text of token ids."""
        ...

    def apply_chat_template(
        self, conversation: Any, *, tools: Any, tokenize: bool, add_generation_prompt: bool
    ) -> Any:
        """Return messages as the template renders them."""
        ...


def render(
    tokenizer: ChatTokenizer,
    messages: list[dict[str, Any]],
    tools: list[dict[str, Any]] | None,
    *,
    generate: bool = False,
) -> str:
    """Return messages as the tokenizer's own template renders them, `generate`: with the assistant next."""
    return str(
        tokenizer.apply_chat_template(messages, tools=tools, tokenize=False, add_generation_prompt=generate)
    )


def encode(tokenizer: ChatTokenizer, text: str) -> list[int]:
    """Return the tokens of a text that nothing is before."""
    return list(tokenizer.encode(text, add_special_tokens=False))


def encode_after(tokenizer: ChatTokenizer, before: str, text: str) -> list[int]:
    """Return the tokens of `text` where `before` is before it: some tokenizers put a space before the first
    word of whatever they are given."""
    head, whole = encode(tokenizer, before), encode(tokenizer, before + text)
    return whole[len(head) :] if whole[: len(head)] == head else encode(tokenizer, text)
