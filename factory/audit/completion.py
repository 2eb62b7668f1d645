"""SQL completion: tables and views after FROM and JOIN, the columns of those that are
named, keywords."""

import re
from collections.abc import Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from factory.audit.catalog import Catalog
from factory.audit.statements import split

_RELATION = re.compile(r'\b(?:from|join|,)\s*"?(\w+)"?(?:\s+(?:as\s+)?(\w+))?', re.IGNORECASE)
_ASKS_RELATION = re.compile(
    r"\b(?:from|join|describe|summarize)\s+(?:\w+(?:\s+(?:as\s+)?\w+)?\s*,\s*)*\w*$", re.IGNORECASE
)


class SqlCompleter(Completer):
    """Completes from a catalog; within quotes and comments there is nothing to complete."""

    def __init__(self, catalog: Catalog):
        self._catalog = catalog

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        before = document.text_before_cursor
        word = re.search(r"\w*$", before)
        assert word is not None
        for text, meta in self._choices(before, document.text):
            if text.lower().startswith(word[0].lower()):
                yield Completion(text, start_position=-len(word[0]), display_meta=meta)

    def _choices(self, before: str, text: str) -> list[tuple[str, str]]:
        relations = [(name, kind) for name, kind, _ in self._catalog.relations.rows]
        if before.startswith("\\"):
            return relations if before.startswith("\\d ") else []
        *_, inside = split(before)
        if inside:
            return []
        named = self._named(text)
        if qualified := re.search(r'"?(\w+)"?\.\w*$', before):
            return self._columns([named.get(qualified[1].lower(), qualified[1])])
        if _ASKS_RELATION.search(before):
            return relations
        return (
            self._columns(sorted(set(named.values())))
            + relations
            + [(keyword, "keyword") for keyword in self._catalog.keywords]
        )

    def _named(self, text: str) -> dict[str, str]:
        """Return the relations that a statement names, by name and by alias."""
        named = {}
        for relation, alias in _RELATION.findall(text):
            if relation in self._catalog.columns:
                named[relation.lower()] = relation
                if alias:
                    named[alias.lower()] = relation
        return named

    def _columns(self, relations: list[str]) -> list[tuple[str, str]]:
        columns = {
            name: f"{kind}, {relation}"
            for relation in relations
            for name, kind, _ in self._catalog.columns.get(relation, [])
        }
        return list(columns.items())
