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
