"""The tables of the report: each is one statement and what it returned, so that a reader who puts the
statement to the store sees the same.

Promise: a statement is self-contained (no parameters), goes through `factory audit` as it is, and names its
columns as the page does. Values of the store within one are ids and are quoted. Numbers of the
current run, unless the note says otherwise.
"""

from dataclasses import dataclass
from typing import Any

from factory.report.query import Table
from factory.store.store import Store

_FATE = """\
WITH fate AS (
    SELECT s.sample_id, s.position, s.language, coalesce(s.family, d.family) AS family, s.call, s.request_key,
           s.sample_id IN (SELECT sample_id FROM decisions WHERE accepted) AS accepted
    FROM current_samples s JOIN seeds d USING (seed_id)
)
"""


@dataclass(frozen=True)
class Statement:
    """What is asked for one table."""

    key: str
    title: str
    note: str
    sql: str


STATEMENTS = (
    Statement(
        "funnel",
        "What is left after each check",
        "In the order of the checks: a sample falls out at the first that it fails.",
        """\
WITH judged AS (
    SELECT s.sample_id, v.check_name, v.passed, list_position(s.check_keys, v.check_key) AS place
    FROM current_samples s JOIN current_verdicts v USING (sample_id) WHERE s.edited_from IS NULL
), fallen AS (
    SELECT sample_id, min(place) FILTER (NOT passed) AS place FROM judged GROUP BY sample_id
)
SELECT step, samples FROM (
    SELECT -1 AS place, 'asked for' AS step, count(DISTINCT (plan_id, position)) AS samples
    FROM plan_items WHERE plan_id IN (SELECT plan_id FROM current_sources)
    UNION ALL SELECT 0, 'answered', count(*) FROM current_samples WHERE edited_from IS NULL
    UNION ALL SELECT c.place, c.check_name, count(*) FILTER (f.place IS NULL OR f.place > c.place)
    FROM (SELECT DISTINCT place, check_name FROM judged) c CROSS JOIN fallen f GROUP BY ALL
    UNION ALL SELECT 1000, 'in the training set', count(*) FROM training_set
) ORDER BY place""",
    ),
    Statement(
        "reasons",
        "Why samples were rejected",
        "The ten commonest reasons, each with the first sample of the plan that it met.",
        """\
SELECT check_name AS "check", reason, count(*) AS samples, left(min_by(question, position), 160) AS question,
       left(min_by(coalesce(nullif(detail, ''), text), position), 200) AS "what was wrong"
FROM rejected GROUP BY ALL ORDER BY samples DESC, check_name, reason LIMIT 10""",
    ),
    Statement(
        "coverage",
        "By family and language",
        "Families with few accepted samples are what the student will know least.",
        _FATE
        + """\
SELECT family, language, count(*) AS made, count(*) FILTER (accepted) AS accepted,
       round(count(*) FILTER (accepted) / count(*), 3) AS share
FROM fate GROUP BY ALL ORDER BY made DESC, family, language LIMIT 40""",
    ),
    Statement(
        "lost_seeds",
        "Seeds that never gave an accepted sample",
        "Of those that were asked. The student learns nothing from them.",
        """\
SELECT d.family, count(*) AS seeds, left(string_agg(d.name, ', ' ORDER BY d.name), 400) AS names
FROM seeds d SEMI JOIN current_samples USING (seed_id) ANTI JOIN training_set USING (seed_id)
GROUP BY d.family ORDER BY seeds DESC, d.family LIMIT 40""",
    ),
    Statement(
        "tools",
        "By tool",
        "Calls in samples that have any: several to a sample where it takes several.",
        _FATE
        + """\
SELECT tool, count(*) AS calls, count(*) FILTER (accepted) AS "in accepted samples" FROM (
    SELECT accepted, unnest(list_concat(
        json_extract_string(call, '$[*][*].name'), [json_extract_string(call, '$.name')]
    )) AS tool
    FROM fate WHERE call IS NOT NULL
) WHERE tool IS NOT NULL GROUP BY ALL ORDER BY calls DESC, tool LIMIT 20""",
    ),
    Statement(
        "uncertainty",
        "How sure the teacher was",
        "Geometric mean of its tokens' probabilities, by sample, before temperature and grammar; "
        "in steps of 0.05.",
        _FATE
        + """\
SELECT least(floor(exp(u.mean_logprob) * 20) / 20, 0.95) AS "from", count(*) FILTER (accepted) AS accepted,
       count(*) FILTER (NOT accepted) AS rejected
FROM fate JOIN uncertainty u USING (request_key) GROUP BY ALL ORDER BY "from\"""",
    ),
    Statement(
        "lengths",
        "How long the answers are",
        "Tokens of the answer that a sample was read out of, in twenty steps up to the longest.",
        _FATE
        + """\
, step AS (
    SELECT greatest(1, ceil((max(completion_tokens) + 1) / 20)) AS wide
    FROM generations JOIN fate USING (request_key)
)
SELECT CAST(floor(completion_tokens / wide) * wide AS BIGINT) AS "from",
       count(*) FILTER (accepted) AS accepted,
       count(*) FILTER (NOT accepted) AS rejected
FROM fate JOIN generations USING (request_key) CROSS JOIN step GROUP BY ALL ORDER BY "from\"""",
    ),
    Statement(
        "cost",
        "What the data cost",
        "Answers of the current plan, from the first to the last of them; pauses count.",
        """\
WITH asked AS (
    SELECT DISTINCT request_key FROM plan_items WHERE plan_id IN (SELECT plan_id FROM current_sources)
    UNION SELECT request_key FROM turns WHERE plan_id IN (SELECT plan_id FROM current_sources)
)
SELECT teacher, count(*) AS answers, sum(prompt_tokens) AS "prompt tokens",
       sum(completion_tokens) AS "answer tokens",
       round(sum(prompt_tokens + completion_tokens) / nullif((SELECT count(*) FROM training_set), 0), 1)
           AS "tokens per accepted sample",
       round(sum(completion_tokens) / nullif(epoch(max(finished_at) - min(finished_at)), 0), 1)
           AS "answer tokens per second"
FROM asked JOIN generations USING (request_key) GROUP BY teacher ORDER BY teacher""",
    ),
    Statement(
        "judge_agreement",
        "The check judge beside a person",
        "Samples that both have judged. Kappa is Cohen's: 1 where they always agree, 0 where chance would do "
        "as well.",
        "SELECT * FROM judge_agreement WHERE samples > 0",
    ),
    Statement(
        "exact",
        "What each trained model writes exactly",
        "Share of the set-aside rows all of whose tokens are the model's likeliest, after each stage; all "
        "models of the store, the latest last. The gap between a tutor and a student is what can be taught.",
        """\
SELECT a.name AS model, t.stage, t.exact, t.rows, t.steps,
       round(t.steps * CAST(json_extract_string(a.about, '$.stage.*.batch_size')[1] AS DOUBLE)
             / nullif(s.samples, 0), 2) AS "rows read for each sample"
FROM (
    SELECT artifact_id, stage, max(step) FILTER (metric = 'loss') AS steps,
           round(max(value) FILTER (metric = 'exact'), 4) AS exact,
           CAST(max(value) FILTER (metric = 'exact_rows') AS BIGINT) AS rows
    FROM training_log GROUP BY ALL
) t
JOIN artifacts a USING (artifact_id)
JOIN (SELECT artifact_id, count(*) AS samples FROM artifact_samples WHERE role = 'train' GROUP BY ALL) s
    USING (artifact_id)
WHERE t.exact IS NOT NULL ORDER BY a.batch""",
    ),
    Statement(
        "ending",
        "Why the making of data ended",
        "",
        """\
SELECT reason, accepted, requests, tokens FROM plan_ends
WHERE plan_id IN (SELECT plan_id FROM current_sources) ORDER BY batch DESC LIMIT 1""",
    ),
    Statement(
        "stages",
        "Time and memory of each stage",
        "",
        """\
SELECT stage, round(seconds, 1) AS seconds, peak_memory_bytes AS "peak memory, bytes"
FROM stages WHERE run_id = (SELECT run_id FROM current_run) ORDER BY batch""",
    ),
)


def build_tables(store: Store) -> list[Table]:
    """Return the tables that have a row, in the order of the page."""
    tables = []
    for statement in STATEMENTS:
        rows = store.query(statement.sql)
        if rows:
            values = [[_plain(value) for value in row.values()] for row in rows]
            tables.append(
                Table(
                    key=statement.key,
                    title=statement.title,
                    note=statement.note,
                    sql=statement.sql,
                    columns=list(rows[0]),
                    rows=values,
                )
            )
    return tables


def models_sql(evaluation_ids: list[str]) -> str:
    """Return the statement behind the models' figures: the evaluations with these ids."""
    quoted = ", ".join("'" + one.replace("'", "''") + "'" for one in evaluation_ids)
    return (
        "SELECT evaluation_id, role, metric, value, low, high, n FROM evaluations\n"
        f"WHERE evaluation_id IN ({quoted}) ORDER BY role, metric"
    )


# The parts of the loss, what was seen of samples set aside, and speed.
CURVES = (
    "loss", "cross_entropy", "divergence", "hidden",
    "eval_exact", "eval_cross_entropy", "eval_divergence", "eval_top1", "tokens_per_s",
)  # fmt: skip


def losses_sql(artifact_ids: list[str]) -> str:
    """Return the statement behind the curves of training: the losses of the adapters with these ids."""
    quoted = ", ".join("'" + one.replace("'", "''") + "'" for one in artifact_ids)
    curves = ", ".join(f"'{name}'" for name in CURVES)
    return (
        "SELECT stage, step, metric, value FROM training_log\n"
        f"WHERE artifact_id IN ({quoted}) AND metric IN ({curves}) ORDER BY batch, metric, step"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return float(value)
