"""A statement to the store, and what it returned."""

from typing import Self

from pydantic import model_validator

from factory.report.part import Part


class Table(Part):
    """One statement and what it returned: the reader can ask it again and sees the same."""

    key: str
    title: str
    note: str = ""
    sql: str
    columns: list[str]
    rows: list[list[str | int | float | bool | None]]

    @model_validator(mode="after")
    def _as_wide_as_its_head(self) -> Self:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row is not as wide as the head")
        return self


class Query(Part):
    """A question to the store that the reader can ask again."""

    title: str
    sql: str
