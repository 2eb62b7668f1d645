"""Preference pairs of a store: an accepted answer beside a rejected one to the same task, as TRL's DPO reads
them.

Promise: both answers were put to the same question with the same messages before it, and a row says which
checks rejected the other, and why. An answer that was rejected for being like another sample is no worse
one, and is in no pair. Each rejected answer is in one pair at most. Not promised: that every accepted sample
is in one: only tasks with several draws have them.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from huggingface_hub import DatasetCard, DatasetCardData

from factory import __version__
from factory.errors import FactoryError, InputError
from factory.export.card import MADE_HERE
from factory.export.formats import JsonLines
from factory.export.markdown import code, table
from factory.export.rows import MEMORY, Row
from factory.export.target import CARD, publish, require_free
from factory.seeds.split import TRAIN, VALIDATION, side
from factory.store.store import read_store
from factory.tasks.conversation import Conversation, Messages
from factory.text.reasons import CODE, sentence
from factory.text.visible import escape_hidden, truncate
from factory.workspace import Workspace

_OF_OTHERS = ("dedup", "decontamination")  # checks that compare a sample with others, and judge no answer
_PAIRS = """
    WITH better AS (
        SELECT place, task_id, arg_min(sample_id, position) AS sample_id
        FROM training_set WHERE messages IS NOT NULL GROUP BY place, task_id
    ), worse AS (
        SELECT sample_id, list({'check': check_name, 'reason': reason} ORDER BY check_name) AS reasons
        FROM rejected WHERE NOT list_contains($others, check_name) GROUP BY sample_id
    )
    SELECT c.kind, c.language, c.seed_id, c.task_id, c.tools, c.messages AS chosen, r.messages AS rejected,
           g.text, w.reasons, c.sample_id AS chosen_id, r.sample_id AS rejected_id
    FROM worse w
    JOIN current_samples r USING (sample_id)
    JOIN better b ON b.place = r.place AND b.task_id = r.task_id
    JOIN samples c ON c.sample_id = b.sample_id
    LEFT JOIN (SELECT request_key, text FROM generations) g ON g.request_key = r.request_key
    ORDER BY r.place, r.position
"""
_NAME = "SELECT recipe_name FROM current_run"


@dataclass
class Pairs:
    """What was written: the paths, pairs by split, and by the reason for which the other answer was
    rejected."""

    paths: list[Path] = field(default_factory=list)
    splits: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)


def write_preferences(
    workspace: Workspace, target: Path, validation: float, licence: str, *, force: bool
) -> Pairs:
    """Write the pairs as JSON Lines, one file or a folder with a card; FactoryError if there are none."""
    alone = target.suffix == ".jsonl"
    if alone and validation:
        raise InputError(f"{target} is one file, but --validation writes two", "Name a folder with -o.")
    require_free(target, force=force)
    done = Pairs()
    with read_store(workspace.existing().store) as connection, publish(target, force=force) as staging:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        if not alone:
            staging.mkdir()
        # Few enough to hold: they come of rejected draws alone.
        found: dict[str, list[Row]] = {}
        for pair in _pairs(connection):
            split = side(pair["seed_id"], validation)
            found.setdefault(split, []).append(pair)
            done.splits[split] += 1
            done.reasons.update((one["check"], one["reason"]) for one in pair["reasons"])
        if not found.get(TRAIN):
            raise FactoryError(
                "there are no pairs: no task has both an accepted answer and a rejected one",
                "Ask each question several times: data.samples_per_prompt.",
            )
        for split in (TRAIN, VALIDATION):
            if split in found:
                name = staging if alone else staging / f"{split}.jsonl"
                with JsonLines(name) as writer:
                    for pair in found[split]:
                        writer.add(pair)
                done.paths.append(target if alone else target / name.name)
        if not alone:
            (recipe,) = connection.execute(_NAME).fetchone() or ("",)
            (staging / CARD).write_text(_card(recipe, licence, done), encoding="utf-8", newline="\n")
    return done


def _pairs(connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    cursor = connection.execute(_PAIRS, {"others": list(_OF_OTHERS)})
    names = [column[0] for column in cursor.description or ()]
    while values := cursor.fetchone():
        row = dict(zip(names, values, strict=True))
        prompt, chosen = Conversation(json.loads(row["chosen"])).parts
        before, rejected = _rejected(row, prompt)
        if before == prompt and chosen and rejected and rejected != chosen:
            kept = {
                name: row[name] for name in ("tools", "kind", "language", "seed_id", "task_id", "reasons")
            }
            ids = {name: row[name] for name in ("chosen_id", "rejected_id")}
            yield {"prompt": prompt, "chosen": chosen, "rejected": rejected, **kept, **ids}


def _rejected(row: Row, prompt: Messages) -> tuple[Messages, Messages]:
    """Return what is before a rejected answer, and the answer; as the teacher wrote it where no conversation
    could be read out of it."""
    messages: Any = json.loads(row["rejected"]) if row["rejected"] else None
    if messages:
        return Conversation(messages).parts
    return prompt, [{"role": "assistant", "content": row["text"]}] if row["text"] else []


def _card(recipe: str, licence: str, done: Pairs) -> str:
    splits = [split for split in (TRAIN, VALIDATION) if split in done.splits]
    data = DatasetCardData(
        license=licence.lower(),
        pretty_name=escape_hidden(truncate(recipe, 100)),
        tags=["synthetic", "preference", "dpo", MADE_HERE],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"{split}.jsonl"} for split in splits],
            }
        ],
    )
    sections = (
        f"# {code(recipe)}: preference pairs\n",
        "An accepted answer beside a rejected one to the same question, in the columns `prompt`, `chosen` "
        "and `rejected` that TRL's `DPOTrainer` reads. `reasons` says which checks rejected the other one; "
        "those that compare a sample with others are left out.\n",
        table(("split", "pairs"), [(split, done.splits[split]) for split in splits]),
        "## Why the other one was rejected\n",
        table(
            ("check", "reason", "in words", "pairs"),
            [
                (code(check), code(reason), sentence(reason) if CODE.fullmatch(reason) else "", count)
                for (check, reason), count in sorted(done.reasons.items(), key=lambda item: (-item[1], item))
            ],
        ),
        "## Limits\n",
        "- A check proves what its name says; a rejected answer may still be a good one in other eyes.\n"
        f"- Exported by distill-factory {__version__}.\n",
    )
    return str(DatasetCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n".join(sections)))
