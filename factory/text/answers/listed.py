"""Words written one after the other, as a tuple: tables that are read as text."""


def listed(text: str) -> tuple[str, ...]:
    """Return the words of a text."""
    return tuple(text.split())
