"""The seed formats, and which of them serve a kind of data.

    form           a task is
    messages       first user turn, assistant's answer
    self_instruct  instruction, input and output of each instance
    alpaca         instruction, input, output
    gsm8k          question, answer with ####

Each kind of data adds a form of its own. Where a row fits several forms, one that serves the kind comes
first.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from factory.errors import InputError
from factory.seeds.format import Form


@dataclass(frozen=True)
class SeedFormats:
    """The forms that serve a kind, in order of preference with its own among them, and all that are known."""

    kind: str
    own: type[Form]
    serving: tuple[type[Form], ...]
    known: tuple[type[Form], ...]

    @property
    def fields(self) -> frozenset[str]:
        """The names that a row of any form may use."""
        return frozenset[str]().union(*(form.fields() for form in self.known))

    @property
    def names(self) -> str:
        """The names of the forms that serve the kind, as a person reads them."""
        return ", ".join(form.form for form in self.serving)

    def recognise(self, keys: Set[str], mapped: Set[str]) -> type[Form] | None:
        """Return the form of a row with the fields `keys`, or None. All of `mapped`, the fields that the
        person named, must be the form's."""
        usable = [form for form in (*self.serving, *self.known) if mapped <= form.fields()]
        for form in usable:
            # What was mapped is meant, whatever other columns the file has. A form that cannot serve is only
            # told where the row is clearly of it: a lone question may be anything.
            if form in self.serving:
                found = form.needs <= mapped or form.fits(keys)
            else:
                found = form.fits(keys) and bool(keys & form.marks)
            if found:
                return form
        return None

    def require_mappable(self, mapped: Iterable[str]) -> None:
        """Raise InputError if no form that serves the kind has all the mapped fields."""
        names = set(mapped)
        if not any(names <= form.fields() for form in self.serving):
            forms = "; ".join(f"{form.form}: {', '.join(sorted(form.fields()))}" for form in self.serving)
            raise InputError(
                f"columns: no form of the kind {self.kind} has the fields {', '.join(sorted(names))} "
                "together",
                f"Forms: {forms}.",
            )


def is_mixed(form: type[Form], other: type[Form] | None, keys: Set[str]) -> bool:
    """Return whether a row of the form `other` is out of place in a file of `form`."""
    if other is None or other is form or not keys & other.marks:
        return False
    return not form.needs <= keys or bool(keys & other.marks - form.fields())
