"""Table of the chat formats, by the name that `student.format` has in a recipe.

Adding one takes a file of its name beside this one that holds a `FORMAT`, and a line here.
"""

from importlib import import_module

from factory.chat_formats.format import ChatFormat

# The first is in no id: students are older than the choice.
_NAMES = [
    "hermes",
    "gemma",
    "llama3",
    "mistral",
    "own",
]
FORMATS: dict[str, ChatFormat] = {
    name: import_module(f"factory.chat_formats.{name}").FORMAT for name in _NAMES
}
DEFAULT = next(iter(FORMATS))
