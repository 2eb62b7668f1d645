"""The seed formats, and which of them serve a kind of data.

    format         a task is
    messages       first user turn, assistant's answer; for labelled all of it
    self_instruct  instruction, input and output of each instance
    dolly          instruction, context, response
    openorca       question, response
    prompt_completion  prompt, completion
    alpaca         instruction, input, output
    gsm8k          question, answer with ####
    metamath       query, response that ends on "The answer is:"
    math           problem, solution with \\boxed
    xlam           query, answers that are one list of calls
    tool_messages  messages beside tools
    bfcl           question, function, possible answers
    stored_completion  request, response

Each kind of data adds a format of its own. Where a row fits several formats, one that serves the kind comes
first.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from factory.errors import InputError
from factory.seeds.format import SeedFormat


@dataclass(frozen=True)
class SeedFormats:
    """The formats that serve a kind, in order of preference with its own among them, and all known ones."""

    kind: str
    own: type[SeedFormat]
    serving: tuple[type[SeedFormat], ...]
    known: tuple[type[SeedFormat], ...]

    @property
    def fields(self) -> frozenset[str]:
        """The names that a row of any format may use."""
        return frozenset[str]().union(*(one.fields() for one in self.known))

    @property
    def names(self) -> str:
        """The names of the formats that serve the kind, as a person reads them."""
        return ", ".join(one.format_name for one in self.serving)

    def recognise(self, keys: Set[str], mapped: Set[str]) -> type[SeedFormat] | None:
        """Return the format of a row with the fields `keys`, or None. All of `mapped`, the fields that the
        person named, must be the format's."""
        usable = [one for one in (*self.serving, *self.known) if mapped <= one.fields()]
        for one in usable:
            # Mapped fields decide, whatever other columns there are. A format that cannot serve is named only
            # where the row is clearly of it: a lone question may be anything.
            if one in self.serving:
                found = one.needs <= mapped or one.fits(keys)
            else:
                found = one.fits(keys) and bool(keys & one.marks)
            if found:
                return one
        return None

    def require_mappable(self, mapped: Iterable[str]) -> None:
        """Raise InputError if no format that serves the kind has all the mapped fields."""
        names = set(mapped)
        if not any(names <= one.fields() for one in self.serving):
            formats = "; ".join(
                f"{one.format_name}: {', '.join(sorted(one.fields()))}" for one in self.serving
            )
            raise InputError(
                f"columns: no format of the kind {self.kind} has the fields {', '.join(sorted(names))} "
                "together",
                f"Formats: {formats}.",
            )


def is_mixed(first: type[SeedFormat], other: type[SeedFormat] | None, keys: Set[str]) -> bool:
    """Return whether a row of the format `other` is out of place in a file of `first`."""
    if other is None or other is first or not keys & other.marks:
        return False
    return not first.needs <= keys or bool(keys & other.marks - first.fields())
