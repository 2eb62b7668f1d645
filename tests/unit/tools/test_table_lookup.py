"""The table answers what it holds, and a value is never part of the SQL."""

from typing import Any

import pytest

from factory.tools.registry import run_tool


def table(column: str, aggregate: str, *filters: tuple[str, str, Any]) -> str:
    parts = [{"column": column, "operator": operator, "value": value} for column, operator, value in filters]
    return run_tool("table_lookup", {"column": column, "aggregate": aggregate, "filters": parts})


def test_table_lookups() -> None:
    assert table("price", "list", ("product", "equals", "Green Tea")) == "[4.8]"
    assert table("stock", "sum", ("category", "equals", "dairy")) == "347"
    assert table("price", "average", ("category", "equals", "tea")) == "5.075"
    assert (
        table("product", "list", ("stock", "equals", 0), ("category", "not_equals", "tea"))
        == '["navel oranges","red lentils"]'
    )
    assert table("chinese_name", "list", ("price", "more_than", 11.5)) == '["陈年奶酪"]'
    assert (
        table("product", "list", ("price", "at_least", 11.5), ("price", "at_most", 11.5))
        == '["espresso beans"]'
    )
    assert table("product", "count", ("price", "less_than", 2)) == "3"
    assert table("weight_grams", "maximum") == "1500"
    assert table("price", "minimum", ("chinese_name", "equals", "海盐")) == "1.85"
    assert table("product", "list", ("price", "more_than", 1000)) == "[]"
    assert table("product", "count", ("price", "more_than", 1000)) == "0"


@pytest.mark.parametrize(
    "value",
    ["' OR 1=1 --", "tea'); DROP TABLE product; --", "%", "te_", "\x00", "read_csv('/etc/passwd')", "{0}"],
)
def test_a_value_of_the_table_is_never_sql(value: str) -> None:
    assert table("product", "list", ("category", "equals", value)) == "[]"
    assert table("product", "count") == "26"
