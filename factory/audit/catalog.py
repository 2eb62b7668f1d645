"""Catalog of a store: its tables and views, their columns, SQL's keywords."""

from dataclasses import dataclass
from pathlib import Path

from factory.errors import InputError
from factory.store.reader import Answer, ask_all

RELATIONS = """
SELECT * FROM (
    SELECT table_name AS name, 'table' AS kind, comment AS shows FROM duckdb_tables() WHERE NOT internal
    UNION ALL SELECT view_name, 'view', comment FROM duckdb_views() WHERE NOT internal
) ORDER BY kind DESC, name
"""
COLUMNS = """
SELECT table_name, column_name AS column, data_type AS type, comment AS holds
FROM duckdb_columns() WHERE NOT internal ORDER BY table_name, column_index
"""
KEYWORDS = """
SELECT DISTINCT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category = 'reserved' ORDER BY 1
"""
MORE_KEYWORDS = ("BY", "EXPLAIN", "FILTER", "IS", "NULLS", "OVER", "PARTITION", "SET", "VALUES", "ILIKE")


@dataclass(frozen=True)
class Catalog:
    """`relations` is an answer with name, kind and what it shows; `columns` maps a relation to its columns,
    their types and comments."""

    relations: Answer
    columns: dict[str, list[tuple[str, str, str]]]
    keywords: list[str]

    @property
    def names(self) -> list[str]:
        """The names of tables and views."""
        return [row[0] for row in self.relations.rows]

    def described(self, relation: str) -> Answer:
        """Return the columns of a table or view as an answer; InputError if there is none of that name."""
        if relation not in self.columns:
            raise InputError(f"there is no table and no view {relation!r}", r"\d lists them.")
        return Answer(["column", "type", "holds"], [list(column) for column in self.columns[relation]], False)


def catalog(store: Path) -> Catalog:
    """Return what can be asked for; errors as `factory.store.reader.ask`."""
    relations, found, keywords = ask_all(store, [RELATIONS, COLUMNS, KEYWORDS])
    columns: dict[str, list[tuple[str, str, str]]] = {}
    for relation, name, kind, holds in found.rows:
        columns.setdefault(relation, []).append((name, kind, holds or ""))
    return Catalog(relations, columns, sorted({*MORE_KEYWORDS, *(row[0] for row in keywords.rows)}))
