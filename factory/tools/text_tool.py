"""Text operations that language models do badly: counting, reversing, sorting.

Promise: characters are Unicode code points and words are what is between spaces; at most 10,000
characters are read, in linear or n log n time. Case is Unicode's, without a language (a Turkish i is an
English one). Not promised: that what a reader sees as one character (an emoji of several code points, a
letter with a combining mark) counts as one, or that Chinese is cut into words.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from factory.tools.arguments import Arguments, plain_numbers, read

MAX_CHARACTERS = 10_000


class TextWork(Arguments):
    operation: Literal[
        "count_words", "count_characters", "count_letter", "reverse", "uppercase", "lowercase", "sort_words"
    ]
    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]
    letter: Annotated[str, Field(min_length=1, max_length=1)] | None = None

    @field_validator("text")
    @classmethod
    def _readable(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("holds only spaces")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError("contains an unpaired surrogate")
        return text

    @model_validator(mode="after")
    def _complete(self) -> "TextWork":
        if (self.letter is not None) != (self.operation == "count_letter"):
            raise ValueError("a letter belongs to the operation count_letter, and only to it")
        return self


def run(arguments: dict[str, Any]) -> str:
    """Return a count as digits, or the changed text. A letter is counted in both its cases; sorted words keep
    theirs."""
    call = read(TextWork, arguments)
    match call.operation:
        case "count_words":
            return str(len(call.text.split()))
        case "count_characters":
            return str(len(call.text))
        case "count_letter":
            letter = str(call.letter).casefold()
            return str(sum(character.casefold() == letter for character in call.text))
        case "reverse":
            return call.text[::-1]
        case "uppercase":
            return call.text.upper()
        case "lowercase":
            return call.text.lower()
        case "sort_words":
            return " ".join(sorted(call.text.split(), key=lambda word: (word.casefold(), word)))


def canonical(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments in the form that is equal for calls that say the same: the case of a counted letter
    does not matter."""
    values: dict[str, Any] = plain_numbers(arguments)
    letter = values.get("letter")
    return values | {"letter": letter.casefold()} if isinstance(letter, str) else values
