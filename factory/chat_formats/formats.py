"""Table of the chat formats, by the name that `student.format` has in a recipe.

Adding one takes its file beside this one and its line here.
"""

from factory.chat_formats.format import ChatFormat
from factory.chat_formats.hermes import Hermes

# The first is what a recipe means that names none.
FORMATS: dict[str, ChatFormat] = {
    "hermes": Hermes(),
}
DEFAULT = next(iter(FORMATS))
