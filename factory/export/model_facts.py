"""What a store knows of a model that was made here: from which models, on which samples, how, how good."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from factory.errors import InputError
from factory.export.rows import YIELDS, Row
from factory.models.bundled import BUNDLED

_MODEL = "SELECT * FROM artifacts WHERE name = ? ORDER BY batch DESC LIMIT 1"
_RUN = "SELECT * FROM runs WHERE batch <= ? ORDER BY batch DESC LIMIT 1"
_LEARNT = """
    SELECT s.kind, count(DISTINCT s.sample_id) AS samples, count(DISTINCT s.seed_id) AS seeds,
           list(DISTINCT s.language) AS languages,
           count(DISTINCT s.sample_id) FILTER (g.request_key IS NULL) AS written,
           count(DISTINCT s.sample_id) FILTER (s.edited_from IS NOT NULL) AS edited,
           count(DISTINCT s.sample_id) FILTER (p.passed) AS by_people
    FROM artifact_samples a JOIN samples s USING (sample_id)
    LEFT JOIN (SELECT request_key FROM generations) g USING (request_key)
    LEFT JOIN person_verdicts p USING (sample_id)
    WHERE a.role = 'train' AND list_contains(?, a.artifact_id) GROUP BY s.kind ORDER BY s.kind
"""
_TEACHERS = """
    SELECT g.teacher, g.revision, count(DISTINCT s.sample_id) AS samples
    FROM artifact_samples a JOIN samples s USING (sample_id)
    JOIN (SELECT request_key, teacher, revision FROM generations) g USING (request_key)
    WHERE a.role = 'train' AND list_contains(?, a.artifact_id) GROUP BY g.teacher, g.revision
    ORDER BY samples DESC, g.teacher, g.revision
"""
_TOOLS = """
    SELECT DISTINCT s.tools FROM artifact_samples a JOIN samples s USING (sample_id)
    WHERE a.role = 'train' AND list_contains(?, a.artifact_id) AND s.tools::VARCHAR NOT IN ('[]', 'null')
    ORDER BY s.tools LIMIT 2
"""
_FIGURES = """
    SELECT role, artifact_id, metric, value, low, high, n, unit, better FROM evaluations
    QUALIFY batch = max(batch) OVER (PARTITION BY role, artifact_id) ORDER BY batch
"""
_COUNTS = "SELECT count(*) AS samples, count(*) FILTER (accepted) AS accepted FROM decisions"


@dataclass(frozen=True)
class ModelFacts:
    """A model's row, those of its parents with it from the base on, the run that it was made in; what was
    learnt by kind, from which teachers; `tools`: those of the samples, None where they differ; `figures`: the
    latest measurements by role, its own under its own role."""

    model: Row
    made: list[Row]
    run: Row
    learnt: list[Row]
    teachers: list[Row]
    tools: list[dict[str, Any]] | None
    figures: dict[str, list[Row]]
    counts: Row
    yields: list[Row]
    base_folder: Path | None

    @property
    def stages(self) -> list[dict[str, Any]]:
        """The stages of training in order: name, settings."""
        found = []
        for row in self.made:
            for name, settings in (row["about"].get("stage") or {}).items():
                found.append({"name": name, "settings": settings})
        return found

    def about(self, key: str) -> Any:
        """Return a setting of the training: of the last model made that has it."""
        return next((row["about"][key] for row in reversed(self.made) if key in row["about"]), None)

    @property
    def role(self) -> str | None:
        """In which role it was measured, None if it never was."""
        return next((role for role, rows in self.figures.items() if rows[0]["artifact_id"] == self._id), None)

    @property
    def _id(self) -> str:
        return str(self.model["artifact_id"])


def model_facts(connection: duckdb.DuckDBPyConnection, name: str) -> ModelFacts:
    """Return what the store knows of the model of that name; InputError if there is none."""
    model = next(iter(_rows(connection, _MODEL, [name])), None)
    if model is None:
        raise InputError(f"the store has no model {name!r}")
    known = {row["artifact_id"]: row for row in _rows(connection, "SELECT * FROM artifacts")}
    made, parents = [known[model["artifact_id"]]], list(model["parents"])
    base_id = ""
    while parents:
        base_id = parents[0]
        if base_id not in known:
            break
        made.append(known[base_id])
        parents = list(made[-1]["parents"])
    for row in made:
        row["about"] = json.loads(row["about"])
    ids = [row["artifact_id"] for row in made]
    tools = _rows(connection, _TOOLS, [ids])
    (run,) = _rows(connection, _RUN, [model["batch"]]) or [{}]
    (counts,) = _rows(connection, _COUNTS)
    base = next((row["about"]["base"] for row in made if "base" in row["about"]), "")
    folder = Path(known[base_id]["path"]) if base_id in known and base not in BUNDLED else None
    return ModelFacts(
        model=model | {"about": made[0]["about"]},
        made=made[::-1],
        run=run,
        learnt=_rows(connection, _LEARNT, [ids]),
        teachers=_rows(connection, _TEACHERS, [ids]),
        tools=None if len(tools) > 1 else [spec for row in tools for spec in json.loads(row["tools"])],
        figures=_figures(_rows(connection, _FIGURES), ids),
        counts=counts,
        yields=_rows(connection, YIELDS),
        base_folder=folder,
    )


def _figures(rows: list[Row], ids: list[str]) -> dict[str, list[Row]]:
    """Return the latest figures of each role: of this model, those it was made from, and any teacher."""
    found: dict[str, list[Row]] = {}
    for role in dict.fromkeys(row["role"] for row in rows):
        of_role = [row for row in rows if row["role"] == role]
        latest = [row["artifact_id"] for row in of_role if role == "teacher" or row["artifact_id"] in ids]
        if latest:
            found[role] = [row for row in of_role if row["artifact_id"] == latest[-1]]
    return found


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None) -> list[Row]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
