"""Five accepted and five rejected rows of a workspace, as the Markdown tables of the README.

python -m bench.rows WORKSPACE

The rows are chosen by the hash of their ids, so nobody chose them for their looks; tool calls by family and
rejected rows by reason, one each. Long cells are cut. Prints the tables alone.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from factory.store.reader import ask
from factory.workspace import Workspace

LONGEST = 150  # characters of a cell

ACCEPTED = {
    "tool_call": "SELECT question, call, answer FROM (SELECT DISTINCT ON (family) * FROM training_set "
    "ORDER BY family, hash(sample_id)) "
    "WHERE coalesce(len(call::VARCHAR), 0) < 400 ORDER BY hash(family) LIMIT 5",
    "rationale": "SELECT question, rationale, answer FROM training_set ORDER BY hash(sample_id) LIMIT 5",
    "instruction": (
        "SELECT question AS instruction, input, answer FROM training_set ORDER BY hash(sample_id) LIMIT 5"
    ),
}
REJECTED = (
    'SELECT question, text AS "what the teacher wrote last", reason, detail '
    "FROM (SELECT DISTINCT ON (reason) * FROM rejected ORDER BY reason, hash(sample_id)) "
    "ORDER BY hash(reason) LIMIT 5"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    store = Workspace(parser.parse_args().workspace).store
    ((kind,),) = ask(store, "SELECT any_value(kind) FROM current_samples").rows
    print("accepted:\n")
    _print_table(store, ACCEPTED[kind])
    print("\nrejected:\n")
    _print_table(store, REJECTED)


def _print_table(store: Path, sql: str) -> None:
    answer = ask(store, sql)
    rows = [_cells(dict(zip(answer.columns, row, strict=True))) for row in answer.rows]
    print(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(row.values())} |")


def _cells(row: dict[str, Any]) -> dict[str, str]:
    if "call" in row:
        return {
            "question": _cell(row["question"]),
            "calls": _calls(row["call"]),
            "answer": _cell(row["answer"]),
        }
    cells = {name: _cell(value) for name, value in row.items() if name not in ("reason", "detail")}
    if "reason" in row:
        # A sample's id says nothing to a reader of the table.
        told = row["detail"] and not row["detail"].startswith("b2:")
        cells["reason"] = f"`{row['reason']}`" + (f": {_cell(row['detail'])}" if told else "")
    return cells


def _cell(value: str | None) -> str:
    text = " ".join((value or "").split())
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return text.replace("|", "\\|").replace("<", "&lt;")


def _calls(call: str | None) -> str:
    steps = json.loads(call or "[]")
    steps = [[steps]] if isinstance(steps, dict) else steps
    told = [
        ", ".join(f"`{one['name']}({', '.join(map(str, one['arguments'].values()))})`" for one in step)
        for step in steps
    ]
    return " → ".join(told) or "no tool"


if __name__ == "__main__":
    main()
