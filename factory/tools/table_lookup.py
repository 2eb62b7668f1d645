"""Questions to one small table, the products of an invented shop, answered in SQL.

Promise: no SQL ever comes from a call. Columns, operators and aggregates are names of closed sets that stand
for fragments written here, and every value is bound. The table is read from `data/tools/products.csv` into an
in-memory DuckDB without access to files, network or extensions, one thread and 64 MB. Sums and averages are
exact. Text is compared without regard to case. Not promised: joins, groups, or any other table.
"""

from csv import DictReader
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from factory.system.digest import canonical_json
from factory.system.resources import resource
from factory.tools.arguments import Arguments, plain_numbers, read
from factory.tools.errors import ToolError
from factory.tools.unit_converter import decimal

if TYPE_CHECKING:
    import duckdb

BOUND = 10**9  # of a number that is compared
_TYPES = {
    "product": "VARCHAR",
    "chinese_name": "VARCHAR",
    "category": "VARCHAR",
    "price": "DECIMAL(9, 2)",
    "stock": "INTEGER",
    "weight_grams": "INTEGER",
}
_TEXTS = ("product", "chinese_name", "category")
_OPERATORS = {
    "equals": "=",
    "not_equals": "<>",
    "less_than": "<",
    "at_most": "<=",
    "more_than": ">",
    "at_least": ">=",
}
_AGGREGATES = {
    "list": "list({} ORDER BY position)",
    "count": "count({})",
    "sum": "sum({})",
    "average": "[sum({0}), count({0})]",
    "minimum": "min({})",
    "maximum": "max({})",
}

Column = Literal["product", "chinese_name", "category", "price", "stock", "weight_grams"]


class Filter(Arguments):
    column: Column
    operator: Literal["equals", "not_equals", "less_than", "at_most", "more_than", "at_least"]
    value: Annotated[str, Field(max_length=100)] | int | float

    @model_validator(mode="after")
    def _comparable(self) -> "Filter":
        text = isinstance(self.value, str)
        if text != (self.column in _TEXTS):
            raise ValueError(
                f"the column {self.column} holds {'text' if self.column in _TEXTS else 'numbers'}"
            )
        if text and self.operator not in ("equals", "not_equals"):
            raise ValueError("text is compared with equals and not_equals only")
        if isinstance(self.value, str):
            if any("\ud800" <= character <= "\udfff" for character in self.value):
                raise ValueError("the value contains an unpaired surrogate")
        elif abs(self.value) > BOUND:
            raise ValueError(f"the value must be between -{BOUND} and {BOUND}")
        return self


class Lookup(Arguments):
    column: Column
    aggregate: Literal["list", "count", "sum", "average", "minimum", "maximum"]
    filters: Annotated[list[Filter], Field(max_length=4)] = []

    @model_validator(mode="after")
    def _summable(self) -> "Lookup":
        if self.column in _TEXTS and self.aggregate not in ("list", "count"):
            raise ValueError(f"the column {self.column} holds text: list it or count it")
        return self


def run(arguments: dict[str, Any]) -> str:
    """Return the values of a column as a JSON array in the table's order, or one number; rows are those that
    pass every filter.

    An aggregate of no rows is `not_found`, but for a list (`[]`) and a count (`0`).
    """
    call = read(Lookup, arguments)
    # DuckDB's cursor is a connection of its own to the same table: calls from several threads do not meet.
    with _table().cursor() as cursor:
        row = cursor.execute(_query(call), [_bound(part) for part in call.filters]).fetchone()
    value = row[0] if row else None
    if call.aggregate == "list":
        return canonical_json(
            [item if isinstance(item, str) else _number(Fraction(item)) for item in value or []]
        )
    if call.aggregate == "average" and value is not None:
        total, count = value
        value = Fraction(total) / Fraction(count) if count else None
    if value is None:
        raise ToolError("not_found", "no row of the table passes the filters")
    return decimal(Fraction(value))


def canonical(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments in the form that is equal for calls that say the same: 5.0 is 5, filters in any order
    and text in any case."""
    values: dict[str, Any] = plain_numbers(arguments)
    filters = values.get("filters", [])
    if not isinstance(filters, list) or not all(isinstance(part, dict) for part in filters):
        return values
    folded = [
        {key: value.lower() if isinstance(value, str) else value for key, value in part.items()}
        for part in filters
    ]
    return values | {"filters": sorted(folded, key=lambda part: canonical_json(part))}


def _query(call: Lookup) -> str:
    chosen = _AGGREGATES[call.aggregate].format(call.column)
    conditions = [
        f"{f'lower({part.column})' if part.column in _TEXTS else part.column} {_OPERATORS[part.operator]} ?"
        for part in call.filters
    ]
    return f"SELECT {chosen} FROM product" + (f" WHERE {' AND '.join(conditions)}" if conditions else "")


def _bound(part: Filter) -> Any:
    return part.value.lower() if isinstance(part.value, str) else part.value


def _number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)


@cache
def _table() -> "duckdb.DuckDBPyConnection":
    # Verbs that only read a recipe know the tools' names and must not wait for DuckDB.
    import duckdb

    with resource("data", "tools", "products.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            [position, *(row[column] for column in _TYPES)] for position, row in enumerate(DictReader(file))
        ]
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": "64MB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
            "python_enable_replacements": False,
        },
    )
    columns = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())
    connection.execute(f"CREATE TABLE product (position INTEGER, {columns})")
    connection.executemany(f"INSERT INTO product VALUES (?{', ?' * len(_TYPES)})", rows)
    for setting in ("temp_directory = ''", "enable_external_access = false", "lock_configuration = true"):
        connection.execute(f"SET {setting}")
    return connection
