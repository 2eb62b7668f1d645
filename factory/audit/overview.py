"""Overview of a store: its tables, the yield, the commonest reasons for rejection, and oddities.

Promise: everything is counted by the locked-down reader in one child, of one moment; nothing is judged by a
model. Each oddity names the statement that shows its rows. On a million samples it takes seconds. Not
promised: that what is odd is wrong, or that what is wrong is odd.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from factory.errors import FactoryError, InputError
from factory.store.reader import Answer, Limits, ask_all
from factory.store.store import UPDATE

# exp of a mean logprob is the mean probability of a token, geometrically.
UNSURE = "list_avg({0}token_logprobs) < ln(0.5)"
# What a reader does not see, and a student would learn: control characters, marks that turn or hide text.
HIDDEN = (
    r"regexp_matches(concat({0}question, chr(10), {0}answer), "
    r"'[\x00-\x08\x0b-\x1f\x7f-\x9f\x{{200b}}\x{{200e}}\x{{200f}}\x{{202a}}-\x{{202e}}\x{{2060}}-\x{{2069}}\x{{feff}}]')"
)
MOSTLY, MANY_TIMES, MOST_REASONS = 0.5, 10, 10


@dataclass(frozen=True)
class Oddity:
    """A count over the tables of `COUNTS`, the sentence for it (one, several), and the statement that shows
    its rows."""

    name: str
    count: str
    one: str
    several: str
    look: str


ODDITIES = (
    Oddity(
        "unsure_teacher",
        "SELECT count(*) FROM accepted WHERE unsure",
        "accepted sample in which the teacher gave its own tokens a mean probability below 0.5",
        "accepted samples in which the teacher gave its own tokens a mean probability below 0.5",
        "SELECT t.sample_id, round(exp(list_avg(g.token_logprobs)), 3) AS mean_probability, t.question, "
        "t.answer FROM training_set t JOIN generations g USING (request_key) "
        f"WHERE {UNSURE.format('g.')} ORDER BY mean_probability",
    ),
    Oddity(
        "accepted_cut_off",
        "SELECT count(*) FROM accepted WHERE cut_off",
        "accepted sample whose answer was cut off at max_tokens",
        "accepted samples whose answer was cut off at max_tokens",
        "SELECT t.sample_id, t.question, g.text FROM training_set t JOIN generations g USING (request_key) "
        "WHERE g.finish_reason = 'length'",
    ),
    Oddity(
        "cut_off",
        "SELECT count(*) FROM odd_ends WHERE finish_reason = 'length'",
        "answer that was cut off at max_tokens",
        "answers that were cut off at max_tokens",
        "SELECT s.sample_id, g.completion_tokens, g.text FROM current_samples s "
        "JOIN generations g USING (request_key) WHERE g.finish_reason = 'length' ORDER BY s.position",
    ),
    Oddity(
        "no_answer",
        "SELECT count(*) FROM odd_ends WHERE finish_reason = 'error'",
        "question that the teacher gave no answer to",
        "questions that the teacher gave no answer to",
        "SELECT s.sample_id, g.error, s.question FROM current_samples s "
        "JOIN generations g USING (request_key) WHERE g.finish_reason = 'error' ORDER BY s.position",
    ),
    Oddity(
        "seed_without_yield",
        "SELECT count(*) FROM asked_seeds ANTI JOIN accepted USING (seed)",
        "seed of which nothing was accepted",
        "seeds of which nothing was accepted",
        "SELECT d.name, d.language, d.family, count(*) AS asked, any_value(d.question) AS question "
        "FROM seeds d JOIN plan_items r USING (seed_id) JOIN current_sources USING (plan_id) "
        "ANTI JOIN training_set USING (seed_id) GROUP BY ALL ORDER BY asked DESC",
    ),
    Oddity(
        "language_missing",
        "SELECT count(*) FROM (SELECT DISTINCT language FROM asked_seeds) "
        "ANTI JOIN accepted USING (language)",
        "language of the seeds in which nothing was accepted",
        "languages of the seeds in which nothing was accepted",
        "SELECT s.language, count(*) AS samples FROM current_samples s "
        "ANTI JOIN training_set USING (language) GROUP BY ALL",
    ),
    Oddity(
        "family_missing",
        "SELECT count(*) FROM (SELECT DISTINCT family FROM asked_seeds) ANTI JOIN accepted USING (family)",
        "family of seeds of which nothing was accepted",
        "families of seeds of which nothing was accepted",
        "SELECT d.family, count(*) AS samples FROM current_samples s JOIN seeds d USING (seed_id) "
        "WHERE d.family NOT IN (SELECT family FROM training_set) GROUP BY ALL",
    ),
    Oddity(
        "seed_prevails",
        "SELECT count(*) FROM (SELECT count(*) AS n FROM accepted GROUP BY seed "
        f"QUALIFY n > {MANY_TIMES} * avg(n) OVER ())",
        f"seed with more than {MANY_TIMES} times the accepted samples of a mean one",
        f"seeds with more than {MANY_TIMES} times the accepted samples of a mean one",
        "SELECT seed, count(*) AS accepted FROM training_set GROUP BY seed ORDER BY accepted DESC",
    ),
    Oddity(
        "duplicate",
        "SELECT count(*) - count(DISTINCT content) FROM accepted",
        "accepted sample that says what another one says",
        "accepted samples that say what another one says",
        "SELECT dedup_key, count(*) AS samples, min(question) AS question, min(answer) AS answer "
        "FROM training_set GROUP BY dedup_key HAVING samples > 1 ORDER BY samples DESC",
    ),
    Oddity(
        "disagreement",
        "SELECT count(*) FROM "
        "(SELECT 1 FROM accepted GROUP BY task HAVING min(answer_hash) <> max(answer_hash))",
        "question with different accepted answers",
        "questions with different accepted answers",
        "SELECT min(question) AS question, list(DISTINCT answer) AS answers FROM training_set "
        "GROUP BY task_id HAVING len(answers) > 1",
    ),
    Oddity(
        "empty_answer",
        "SELECT count(*) FROM accepted WHERE empty",
        "accepted sample with an empty answer",
        "accepted samples with an empty answer",
        "SELECT * FROM training_set WHERE trim(coalesce(answer, call::VARCHAR, '')) = ''",
    ),
    Oddity(
        "hidden_characters",
        "SELECT count(*) FROM accepted WHERE hidden",
        "accepted sample with control characters or characters that hide or turn text",
        "accepted samples with control characters or characters that hide or turn text",
        f"SELECT sample_id, question, answer FROM training_set WHERE {HIDDEN.format('')}",
    ),
)

TOTALS = ("runs", "seeds", "generations", "samples", "verdicts", "artifacts", "evaluations")
RUN = """
SELECT recipe_name, started_at, target_count,
       (SELECT string_agg(concat_ws(': ', nullif(source, ''), reason), '; ' ORDER BY place) FROM (
           SELECT place, source, arg_max(reason, batch) AS reason
           FROM plan_ends JOIN current_sources USING (plan_id) GROUP BY place, source)),
       (SELECT count(*) FROM current_samples)
FROM current_run
"""
# Of a million samples nothing wide is kept: flags, and hashes where only equality counts.
COUNTS = f"""
WITH flags AS (
    SELECT request_key, {UNSURE.format("")} AS unsure, finish_reason = 'length' AS cut_off FROM generations
),
accepted AS MATERIALIZED (
    SELECT hash(seed_id) AS seed, hash(task_id) AS task, hash(dedup_key) AS content,
           hash(answer) AS answer_hash, language, family, unsure, cut_off,
           trim(coalesce(answer, call::VARCHAR, '')) = '' AS empty, {HIDDEN.format("")} AS hidden
    FROM training_set LEFT JOIN flags USING (request_key)
),
asked AS (SELECT request_key, seed_id FROM plan_items SEMI JOIN current_sources USING (plan_id)),
odd_ends AS MATERIALIZED (
    SELECT DISTINCT request_key, finish_reason
    FROM (SELECT request_key, finish_reason FROM generations WHERE finish_reason IN ('length', 'error'))
    JOIN asked USING (request_key)
),
asked_seeds AS MATERIALIZED (
    SELECT hash(seed_id) AS seed, language, family FROM seeds SEMI JOIN asked USING (seed_id)
)
SELECT (SELECT count(*) FROM accepted)
"""
VIEWS = "SELECT view_name AS view, comment AS shows FROM duckdb_views() WHERE NOT internal ORDER BY view_name"


@dataclass(frozen=True)
class Line:
    """One thing that was counted: in which section, what, how often, its share of what it is a part of, and
    the statement behind it."""

    section: str
    item: str
    count: int | None
    share: float | None
    note: str
    statement: str


@dataclass(frozen=True)
class Overview:
    """All lines in order, the views with what each shows, and `as_of` as in `Answer`."""

    lines: list[Line]
    views: list[tuple[str, str]]
    as_of: str

    def rows(self) -> Answer:
        """Return the overview as an answer: a row for each line and each view."""
        rows: list[list[Any]] = [
            [line.section, line.item, line.count, line.share, line.note, line.statement]
            for line in self.lines
        ]
        rows += [["views", view, None, None, shows, f"FROM {view}"] for view, shows in self.views]
        types = ["VARCHAR", "VARCHAR", "BIGINT", "DOUBLE", "VARCHAR", "VARCHAR"]
        return Answer(
            ["section", "item", "count", "share", "note", "statement"], rows, False, types, self.as_of
        )


def overview(store: Path, limits: Limits) -> Overview:
    """Return what there is in a store; errors as `factory.store.reader.ask`."""
    totals = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in TOTALS)
    counts = COUNTS + "".join(f", ({oddity.count})" for oddity in ODDITIES)
    try:
        # However few rows of an answer a person wants to see, here all are counted.
        answers = ask_all(
            store, [totals, RUN, "FROM yield_by_check", counts, VIEWS], replace(limits, rows=Limits.rows)
        )
    except InputError as error:
        # Nothing here was typed by the person: it is the tables and views that are others.
        raise FactoryError(
            f"{store} has not the tables of this factory: {error.message.splitlines()[0]}",
            f"{UPDATE}. A table can be asked for as it is.",
        ) from None
    (had,), run, checked, ((accepted, *odd),), views = (answer.rows for answer in answers)
    lines = [
        Line("store", table, count, None, "", f"FROM {table}")
        for table, count in zip(TOTALS, had, strict=True)
    ]
    lines += [line for row in run for line in _plan(row, accepted)]
    lines += _yields(checked)
    lines += [
        Line(
            "oddities",
            oddity.name,
            count,
            None,
            f"{count:,} {oddity.one if count == 1 else oddity.several}",
            oddity.look,
        )
        for oddity, count in zip(ODDITIES, odd, strict=True)
        if count
    ]
    return Overview(lines, [(view, shows or "") for view, shows in views], answers[0].as_of)


def _plan(row: list[Any], accepted: int) -> list[Line]:
    recipe, started, target, ended, samples = row
    ended = f"; it ended because {ended}" if ended else ""
    return [
        Line(
            "plan",
            "samples",
            samples,
            None,
            f"of the latest run of {recipe}, started {started} UTC",
            "FROM current_samples",
        ),
        Line(
            "plan",
            "accepted",
            accepted,
            round(accepted / samples, 4) if samples else None,
            f"{target:,} were asked for{ended}" if target is not None else "",
            "FROM training_set",
        ),
    ]


def _yields(rows: list[list[Any]]) -> list[Line]:
    """Return a line for each check, the most frequent reasons, and the checks that fail most of what they
    see."""
    checks: dict[str, tuple[int, int]] = {}
    for check, _, good, samples, _ in rows:
        passed, seen = checks.get(check, (0, 0))
        checks[check] = passed + good * samples, seen + samples
    yields = [
        Line(
            "yield",
            check,
            passed,
            round(passed / seen, 4),
            f"of {seen:,} passed",
            f"FROM yield_by_check WHERE check_name = '{check}'",
        )
        for check, (passed, seen) in checks.items()
    ]
    failed = sorted((row for row in rows if not row[2]), key=lambda row: (-row[3], row[0], row[1]))
    reasons = [
        Line("reasons", reason, samples, share, f"by {check}", _rejected(check, reason))
        for check, reason, _, samples, share in failed[:MOST_REASONS]
    ]
    harsh = []
    for check, (passed, seen) in checks.items():
        if 1 - passed / seen > MOSTLY:
            note = f"{check} rejects {1 - passed / seen:.0%} of what it sees"
            harsh.append(
                Line(
                    "oddities",
                    "harsh_check",
                    seen - passed,
                    round(1 - passed / seen, 4),
                    note,
                    _rejected(check),
                )
            )
    return yields + reasons + harsh


def _rejected(check: str, reason: str = "") -> str:
    # A statement for a person to copy; a quote in a name must not end the text.
    named = [
        f"{column} = '{text.replace(chr(39), chr(39) * 2)}'"
        for column, text in (("check_name", check), ("reason", reason))
        if text
    ]
    where = " AND ".join(named)
    return f"SELECT sample_id, question, text, reason, detail FROM rejected WHERE {where} ORDER BY position"
