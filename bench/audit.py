"""How long do the views take on a store of a million samples?

python -m bench.audit [--samples 1000000] [--keep FOLDER]

The store is filled by SQL, row i from i alone: 500 seeds in two languages and ten families, two draws a
question, answers of 8 to 16 tokens with the five likeliest tokens of each, six checks' verdicts on every
sample, a person's on one in a thousand, half of them edits, three runs over two plans, a student with its
quantized copy. Then every view's first 100 rows and the overview are asked for as `factory audit` asks, each
in its child process, whose start is in the time. CPU is that of the child's threads together: on a busy
machine it says more than the time. Memory is the child's largest resident set. Prints a line for each, then
one JSON object.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from factory.audit.overview import overview
from factory.store.ledger import Ledger
from factory.store.reader import Limits, ask
from factory.store.store import Store
from factory.store.uncertainty import enter_missing

SEEDS, FAMILIES, BATCH = 500, 10, 10_000
# Of token t of answer i: the logarithm of its probability, and of the alternative of rank k.
LOGPROB = "(-0.01 - hash(i, t) % 60 / 100.0)"
TOP_LOGPROB = f"if(k = 0, {LOGPROB}, ln(1 - exp({LOGPROB})) - k)::FLOAT"
CHECKS = ("schema", "execution", "agreement", "finish_reason", "dedup", "decontamination")


def id_of(kind: str, number: str = "i") -> str:
    """Return SQL for a content id of row `number`."""
    return f"'b2:' || md5('{kind}' || ({number})::VARCHAR)"


def fill(path: Path, samples: int) -> None:
    """Make a store of that many samples."""
    with Store(path, Ledger(path.with_name("factory.ledger.jsonl"))):
        pass
    keys = "[" + ", ".join(f"'{check}@b2:0'" for check in CHECKS) + "]"
    with duckdb.connect(str(path), config={"threads": 2, "memory_limit": "4GB"}) as store:
        store.execute("SET preserve_insertion_order = false")
        store.execute(
            f"CREATE TEMP VIEW rows AS SELECT i, (i // 2) % {SEEDS} AS seed, (i // {BATCH} + 1) AS b "
            f"FROM range({samples}) t(i)"
        )
        for batch, (plan, run) in enumerate((("plan0", "run0"), ("plan0", "run1"), ("plan1", "run2")), 1):
            store.execute(
                f"INSERT INTO runs BY NAME SELECT '{run}' AS run_id, "
                f"TIMESTAMP '2026-01-01' + INTERVAL {batch} HOUR AS started_at, "
                f"'factory run' AS command, 'bench' AS recipe_name, 'b2:recipe{run}' AS recipe_digest, "
                "'name: bench' AS recipe_text, "
                f"'{plan}' AS plan_id, {keys} AS check_keys, {samples * 6 // 10} AS target_count, "
                f"'{{}}' AS machine, '{{}}' AS versions, "
                f"{batch} AS batch"
            )
        store.execute(
            f"INSERT INTO seeds BY NAME SELECT {id_of('seed')} AS seed_id, 'seed-' || i AS name, "
            "if(i % 4 = 0, 'zh', 'en') AS language, "
            f"'family-' || i % {FAMILIES} AS family, "
            "'What is ' || i || ' and ' || i + 1 || '?' AS question, '' || 2 * i + 1 AS reference, "
            f"'seeds.jsonl' AS source, i + 1 AS line, 1 AS batch FROM range({SEEDS}) t(i)"
        )
        store.execute(
            "INSERT INTO plan_items BY NAME SELECT 'plan1' AS plan_id, i AS position, "
            f"{id_of('request')} AS request_key, "
            f"{id_of('seed', 'seed')} AS seed_id, {id_of('task', 'i // 2')} AS task_id, i % 2 AS draw, "
            "if(seed % 4 = 0, 'zh', 'en') AS language, "
            "'What is ' || i // 2 || ' and ' || seed || '?' AS question, "
            f"'' || (i // 2 + seed) AS reference, b AS batch, {id_of('sample')} AS sample_id FROM rows"
        )
        store.execute(
            f"INSERT INTO generations BY NAME SELECT {id_of('request')} AS request_key, "
            "'teacher' AS teacher, 'r1' AS revision, "
            "'b2:template' AS template_digest, "
            "json_array(json_object('role', 'user', 'content', "
            "'What is ' || i // 2 || ' and ' || seed || '?')) AS messages, "
            "'{\"temperature\": 0.8}' AS parameters, "
            '\'{"name": "calculator", "arguments": {"expression": '
            "\"' || i // 2 || ' + ' || seed || '\"}}' AS text, "
            "if(hash(i) % 50 = 0, 'length', 'stop') AS finish_reason, NULL AS error, "
            "120 + seed % 60 AS prompt_tokens, "
            "8 + hash(i) % 9 AS completion_tokens, "
            "[(hash(i, t) % 49152)::INTEGER for t in range(8 + (hash(i) % 9)::BIGINT)] AS token_ids, "
            f"[{LOGPROB}::FLOAT for t in range(8 + (hash(i) % 9)::BIGINT)] AS token_logprobs, "
            "[[(hash(i, t, k) % 49152)::INTEGER for k in range(5)] "
            "for t in range(8 + (hash(i) % 9)::BIGINT)] AS topk_ids, "
            f"[[{TOP_LOGPROB} for k in range(5)] "
            "for t in range(8 + (hash(i) % 9)::BIGINT)] AS topk_logprobs, "
            "1 AS attempts, 0.1 + hash(i) % 100 / 50.0 AS seconds, "
            "TIMESTAMP '2026-01-01' + to_milliseconds(i * 20) AS finished_at, b AS batch FROM rows"
        )
        store.execute(
            f"INSERT INTO samples BY NAME SELECT {id_of('sample')} AS sample_id, "
            f"{id_of('request')} AS request_key, "
            f"{id_of('seed', 'seed')} AS seed_id, {id_of('task', 'i // 2')} AS task_id, 'tool_call' AS kind, "
            "if(seed % 4 = 0, 'zh', 'en') AS language, "
            "'What is ' || i // 2 || ' and ' || seed || '?' || "
            "repeat(' Please.', if(hash(i, 5) % 5000 = 0, 30, 0)) AS question, "
            "'' || (i // 2 + seed) AS reference, "
            "json_array(json_object('role', 'user', 'content', "
            "'What is ' || i // 2 || ' and ' || seed || '?'), "
            "json_object('role', 'assistant', 'content', "
            "'The answer is ' || (i // 2 + seed) || '.')) AS messages, "
            "'[]' AS tools, "
            "json_object('name', 'calculator', 'arguments', "
            "json_object('expression', i // 2 || ' + ' || seed)) AS call, "
            "if(hash(i, 1) % 20 = 0, 'no_call', NULL) AS fault, "
            "'' || (i // 2 + seed + if(hash(i, 2) % 10 = 0, 1, 0)) AS result, "
            "NULL AS rationale, 'The answer is ' || (i // 2 + seed) || '.' AS answer, "
            f"{id_of('content', 'if(hash(i, 3) % 30 = 0, i // 2 * 2, i)')} AS dedup_key, "
            f"[{id_of('seed', 'seed')}] AS parents, "
            f"b AS batch, 'family-' || seed % {FAMILIES} AS family FROM rows"
        )
        for number, check in enumerate(CHECKS):
            store.execute(
                f"INSERT INTO verdicts BY NAME SELECT {id_of('sample')} AS sample_id, "
                f"'{check}@b2:0' AS check_key, "
                f"'{check}' AS check_name, "
                f"hash(i, {number}) % 20 > 0 AS passed, "
                f"if(hash(i, {number}) % 20 > 0, 'ok', '{check}_' || hash(i) % 3) AS reason, "
                f"{'hash(i) % 100 / 100.0' if check == 'dedup' else 'NULL'} AS score, "
                f"if(hash(i, {number}) % 20 > 0, NULL, {id_of('sample', 'i // 3')}) AS detail, b AS batch "
                "FROM rows"
            )
        store.execute(
            f"INSERT INTO verdicts BY NAME SELECT {id_of('sample')} AS sample_id, "
            "'person:000000' AS check_key, 'person' AS check_name, "
            "i % 2000 = 0 AS passed, if(i % 2000 = 0, 'ok', 'edited') AS reason, 'seen' AS detail, "
            "TIMESTAMP '2026-01-02' AS judged_at, "
            "b AS batch FROM rows WHERE i % 1000 = 0"
        )
        store.execute(
            f"INSERT INTO samples SELECT s.* REPLACE ({id_of('edit')} AS sample_id, "
            "s.answer || ' Yes.' AS answer, "
            "[s.sample_id] AS parents, s.sample_id AS edited_from) FROM samples s "
            f"JOIN rows ON s.sample_id = {id_of('sample')} "
            "WHERE i % 2000 = 1000"
        )
        store.execute(
            f"INSERT INTO verdicts BY NAME SELECT {id_of('edit')} AS sample_id, "
            "'person:000000' AS check_key, 'person' AS check_name, "
            "true AS passed, 'ok' AS reason, TIMESTAMP '2026-01-02' AS judged_at, b AS batch FROM rows "
            "WHERE i % 2000 = 1000"
        )
        for kind, name, parents in (
            ("model", "base", "[]"),
            ("adapter", "student", "['base']"),
            ("quantized", "int8", "['student']"),
        ):
            store.execute(
                f"INSERT INTO artifacts BY NAME SELECT '{name}' AS artifact_id, '{kind}' AS kind, "
                f"'{name}' AS name, '{name}' AS path, "
                f"'b2:0' AS digest, 1 AS weight_bytes, {parents}::VARCHAR[] AS parents, '{{}}' AS about, "
                "1 AS batch"
            )
        for name, role, share in (("student", "train", 2), ("int8", "calibrate", 2000)):
            store.execute(
                f"INSERT INTO artifact_samples BY NAME SELECT '{name}' AS artifact_id, "
                f"{id_of('sample')} AS sample_id, '{role}' AS role, "
                f"b AS batch FROM rows WHERE i % {share} = 0"
            )
        store.execute(
            "INSERT INTO evaluations BY NAME SELECT 'e' || i AS evaluation_id, "
            "if(i % 2 = 0, 'student', 'int8') AS artifact_id, "
            "'student' AS role, 'answer_accuracy' AS metric, 0.5 AS value, 0.4 AS low, 0.6 AS high, "
            "200 AS n, 1 AS batch FROM range(4) t(i)"
        )
        enter_missing(store)
        store.execute("CHECKPOINT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument(
        "--keep", type=Path, help="a folder for the store, which is used again if it is there"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        store = folder / "factory.duckdb"
        if not store.exists():
            started = time.monotonic()
            fill(store, arguments.samples)
            print(
                f"made in {time.monotonic() - started:.0f} s, {store.stat().st_size / 2**20:.0f} MB",
                file=sys.stderr,
            )
        ((samples,),) = ask(store, "SELECT count(*) FROM samples WHERE edited_from IS NULL").rows
        views = [
            view
            for (view,) in ask(
                store, "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
            ).rows
        ]
        measured = {
            view: _timed(lambda view=view: ask(store, f"SELECT * FROM {view} LIMIT 100").rows, view)
            for view in views
        }
        whole = _timed(lambda: overview(store, Limits()).lines, "the overview")
    print(
        json.dumps(
            {
                "samples": samples,
                "slowest_view": max(measured, key=lambda view: measured[view][0]),
                "slowest_view_s": max(seconds for seconds, _ in measured.values()),
                "slowest_view_cpu_s": max(cpu for _, cpu in measured.values()),
                "overview_s": whole[0],
                "overview_cpu_s": whole[1],
                "peak_bytes": _children().ru_maxrss * 1024,
                "views": {view: seconds for view, (seconds, _) in measured.items()},
            }
        )
    )


def _timed(work: Callable[[], list[Any]], name: str) -> tuple[float, float]:
    """Return the wall time and the CPU time of the child, in seconds."""
    started, before = time.monotonic(), _children()
    rows = len(work())
    seconds, after = time.monotonic() - started, _children()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        (
            f"{name:<22} {seconds:6.2f} s  {cpu:6.2f} s CPU  {rows:>4} rows  "
            f"at most {after.ru_maxrss / 2**20:.2f} GB so far"
        ),
        flush=True,
    )
    return round(seconds, 2), round(cpu, 2)


def _children() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_CHILDREN)


if __name__ == "__main__":
    main()
