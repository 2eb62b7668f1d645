"""Auto: the chat format that a base's tokenizer and template speak for."""

from dataclasses import dataclass
from pathlib import Path

from factory.chat_formats.formats import DEFAULT, FORMATS

AUTO = "auto"  # in a recipe; what is made names what was chosen


@dataclass(frozen=True)
class Choice:
    """A format's name, and one sentence that says why."""

    name: str
    why: str


def choose(folder: Path) -> Choice:
    """Return the first format whose marks the tokenizer of a model folder knows, else the model's own
    template if that can be used, else the default, which will then be refused.

    The default comes first: a base that knows its marks was taught in it before there was a choice. A folder
    that is not there yet is that of a bundled model.
    """
    title = FORMATS[DEFAULT].title
    if not folder.is_dir():
        return Choice(DEFAULT, f"{title}, in which the bundled models were taught")
    for name, one in FORMATS.items():
        if one.needed_tokens and one.misfit(folder) is None:
            marks = ", ".join(one.needed_tokens[:3])
            return Choice(name, f"{one.title}, because the base's tokenizer knows its marks {marks}")
    if (fault := FORMATS["own"].misfit(folder)) is None:
        own = FORMATS["own"].for_model(folder)
        calls = f"no calls: {own.no_calls}" if own.no_calls else f"vLLM's parser {own.parser} reads its calls"
        why = "the base's own template, because its tokenizer knows the marks of no other"
        return Choice("own", f"{why}; {calls}")
    return Choice(DEFAULT, f"{title} for want of any: the tokenizer knows no format's marks, and {fault}")
