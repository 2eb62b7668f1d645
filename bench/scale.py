"""How do near-duplicate removal and the store grow with the number of rows, and does the index decide as
brute force would?

python -m bench.scale [--rows 10000 100000 1000000] [--sample 2000]

Each size is measured in a fresh process, so that peak memory is its own. Near-duplicate removal takes
invented instructions as a stream (`bench/instructions.py`), of which a known share are near copies of rows
before them, and keeps a row if the index finds no near duplicate among the rows kept. The store commits rows
of plan items, generations, samples and verdicts, 1,000 samples a batch. Agreement is measured on all pairs of
a sample that ROUGE-L by brute force puts at the threshold or above: in which share of them does the index,
with all rows stored, see the pair? Seconds are wall time less the time that making the rows takes. Prints a
table, then one JSON object.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rapidfuzz.distance import LCSseq

from bench.instructions import COPIES, instructions
from factory.store.store import Store
from factory.text.near import RECENT, NearIndex
from factory.text.rouge import tokens
from factory.workspace import Workspace
from tests.support.sample_rows import CHECKS, generation, open_store

ROOT = Path(__file__).parents[1]
THRESHOLD = 0.7
BATCH = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--sample", type=int, default=2000, help="rows of which all pairs are compared")
    parser.add_argument(
        "--part", choices=PARTS, help="measure one part in this process (used by the benchmark itself)"
    )
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(PARTS[arguments.part](arguments.rows[0])))
        return
    result: dict[str, Any] = {"threshold": THRESHOLD, "near_copies_in_stream": COPIES}
    print(f"{'':<8} {'rows':>9} {'seconds':>9} {'µs a row':>9} {'peak MB':>8}")
    for part in ("near", "store"):
        result[part] = []
        for rows in arguments.rows:
            measured = _in_process(part, rows)
            result[part].append(measured)
            rate = measured["seconds"] / rows * 1e6
            about = f"{measured['kept']} kept" if part == "near" else f"{measured['file_mb']} MB on disk"
            print(
                (
                    f"{part:<8} {rows:>9} {measured['seconds']:>9.1f} {rate:>9.1f} "
                    f"{measured['peak_mb']:>8.0f}  {about}"
                ),
                flush=True,
            )
    result["agreement"] = _in_process("agreement", arguments.sample)
    agreed = result["agreement"]
    print(
        f"agreement with brute force: {agreed['agreed']} of {agreed['pairs_above']} pairs at "
        f"{THRESHOLD} or above in {agreed['rows']} rows"
    )
    print(json.dumps(result))


def _in_process(part: str, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.scale", "--part", part, "--rows", str(rows)]
    child = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if child.returncode:
        raise SystemExit(child.stderr[-3000:])
    measured: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return measured


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def near(rows: int) -> dict[str, Any]:
    """Remove near duplicates from a stream."""
    index = NearIndex(THRESHOLD)
    kept = 0
    making = _making(rows)
    started = time.monotonic()
    for place, text in enumerate(instructions(rows)):
        if index.nearest(text) is None:
            index.add(str(place), text)
            kept += 1
    return {
        "rows": rows,
        "seconds": round(time.monotonic() - started - making, 2),
        "peak_mb": _peak_mb(),
        "kept": kept,
    }


def _making(rows: int) -> float:
    started = time.monotonic()
    for _ in instructions(rows):
        pass
    return time.monotonic() - started


def store(rows: int) -> dict[str, Any]:
    """Commit a run's rows in batches."""
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name))
        seconds = 0.0
        with open_store(workspace) as opened:
            batch: list[tuple[int, str]] = []
            for numbered in enumerate(instructions(rows)):
                batch.append(numbered)
                if len(batch) == BATCH or numbered[0] == rows - 1:
                    seconds += _commit(opened, batch)
                    batch = []
            (stored,) = opened.query("SELECT count(*) AS samples FROM samples")
        assert stored["samples"] == rows
        size = round(workspace.store.stat().st_size / 2**20, 1)
    return {"rows": rows, "seconds": round(seconds, 2), "peak_mb": _peak_mb(), "file_mb": size}


def _commit(opened: Store, batch: list[tuple[int, str]]) -> float:
    plan_items, samples, verdicts = [], [], []
    for place, text in batch:
        about = {
            "seed_id": "b2:seed",
            "task_id": f"b2:t{place}",
            "language": "en",
            "question": text,
            "reference": "",
        }
        plan_items.append(
            {"plan_id": "b2:plan", "position": place, "request_key": f"b2:k{place}", "draw": 0, **about}
        )
        samples.append(
            {
                **about,
                "sample_id": f"b2:s{place}",
                "request_key": f"b2:k{place}",
                "kind": "instruction",
                "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": text}],
                "tools": [],
                "answer": text,
                "dedup_key": f"b2:c{place}",
                "parents": ["b2:seed"],
            }
        )
        verdicts += [
            {
                "sample_id": f"b2:s{place}",
                "check_key": check,
                "check_name": check[:-2],
                "passed": True,
                "reason": "ok",
            }
            for check in CHECKS
        ]
    generations = [generation(f"b2:k{place}", text) for place, text in batch]
    started = time.monotonic()
    opened.commit(plan_items=plan_items, generations=generations, samples=samples, verdicts=verdicts)
    return time.monotonic() - started


def agreement(rows: int) -> dict[str, Any]:
    """Compare all pairs of rows by brute force, and by an index in which all rows are old."""
    texts = list(instructions(rows))
    index = NearIndex(THRESHOLD)
    for place, text in enumerate([*texts, *(f"filler {place}" for place in range(RECENT))]):
        index.add(str(place), text)
    said = [tokens(text) for text in texts]
    # The index stores one of those with the same tokens, under the first one's name.
    first = {tuple(words): str(place) for place, words in reversed(list(enumerate(said)))}
    pairs = agreed = 0
    for place, words in enumerate(said):
        found = index.all_near(texts[place])
        for other in said[:place]:
            if 2 * LCSseq.similarity(words, other) >= THRESHOLD * (len(words) + len(other)):
                pairs += 1
                agreed += first[tuple(other)] in found
    return {"rows": rows, "pairs_above": pairs, "agreed": agreed, "share": round(agreed / max(pairs, 1), 5)}


PARTS = {"near": near, "store": store, "agreement": agreement}

if __name__ == "__main__":
    main()
