"""The closed set of forms, which of them a row has, and which kind each can serve.

    form           kinds                    a task is
    messages       instruction, rationale   first user turn, assistant's answer
    self_instruct  instruction              instruction, input and output of each instance
    instruction    instruction              our own
    alpaca         instruction              instruction, input, output
    gsm8k          rationale                question, answer with ####
    rationale      rationale                our own
    tool_call      tool_call                our own

Where a row fits several forms, one that serves the kind comes first, then the order of this table.
"""

from collections.abc import Iterable, Set
from typing import Literal, get_args

from factory.errors import InputError
from factory.seeds.format import Form
from factory.seeds.own_formats import InstructionForm, RationaleForm, ToolCallForm
from factory.seeds.published_formats import AlpacaForm, Gsm8kForm, MessagesForm, SelfInstructForm
from factory.seeds.seed import Kind

FormName = Literal["messages", "self_instruct", "instruction", "alpaca", "gsm8k", "rationale", "tool_call"]
_FORMS: tuple[type[Form], ...] = (
    MessagesForm,
    SelfInstructForm,
    InstructionForm,
    AlpacaForm,
    Gsm8kForm,
    RationaleForm,
    ToolCallForm,
)
FORMS: dict[FormName, type[Form]] = dict(zip(get_args(FormName), _FORMS, strict=True))
OWN: dict[Kind, type[Form]] = {
    "instruction": InstructionForm,
    "rationale": RationaleForm,
    "tool_call": ToolCallForm,
}
FIELDS = frozenset[str]().union(*(form.fields() for form in _FORMS))


def recognise(keys: Set[str], kind: Kind, mapped: Set[str]) -> type[Form] | None:
    """Return the form of a row with the fields `keys`, or None. All of `mapped`, the fields that the person
    named, must be the form's."""
    usable = [form for form in _FORMS if mapped <= form.fields()]
    # What was mapped is meant, whatever other columns the file has.
    serving = next(
        (form for form in usable if kind in form.kinds and (form.needs <= mapped or form.fits(keys))), None
    )
    # A form that cannot serve is only told where the row is clearly of it: a lone question may be anything.
    return serving or next(
        (form for form in usable if kind not in form.kinds and form.fits(keys) and keys & form.marks), None
    )


def is_mixed(form: type[Form], other: type[Form] | None, keys: Set[str]) -> bool:
    """Return whether a row of the form `other` is out of place in a file of `form`."""
    if other is None or other is form or not keys & other.marks:
        return False
    return not form.needs <= keys or bool(keys & other.marks - form.fields())


def serving(kind: Kind) -> str:
    """Return the names of the forms that can serve a kind, as a person reads them."""
    return ", ".join(form.form for form in _FORMS if kind in form.kinds)


def require_mappable(mapped: Iterable[str], kind: Kind) -> None:
    """Raise InputError if no form that serves the kind has all the mapped fields."""
    names = set(mapped)
    candidates = [form for form in _FORMS if kind in form.kinds]
    if not any(names <= form.fields() for form in candidates):
        told = "; ".join(f"{form.form}: {', '.join(sorted(form.fields()))}" for form in candidates)
        raise InputError(
            f"columns: no form of the kind {kind} has the fields {', '.join(sorted(names))} together",
            f"There is {told}.",
        )
