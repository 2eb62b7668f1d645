"""The address of an OpenAI-compatible server, in whatever form a person copies it: with or without a slash or
`/chat/completions` at its end, with an API version behind it."""

import urllib.parse
from dataclasses import dataclass

_QUESTION = "/chat/completions"


@dataclass(frozen=True)
class Address:
    """`base` is what the paths of the API are put behind, `query` goes with every request, `shown` is what is
    stored and told: without user, query and fragment."""

    base: str
    query: dict[str, str]
    shown: str
    is_azure: bool


def address(url: str) -> Address:
    """Return what a URL means."""
    parts = urllib.parse.urlsplit(url)
    path = parts.path.rstrip("/").removesuffix(_QUESTION)
    shown = urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", ""))
    base = urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    # Azure's own door wants the key in a header of its own.
    return Address(base, dict(urllib.parse.parse_qsl(parts.query)), shown, "/openai/deployments/" in path)
