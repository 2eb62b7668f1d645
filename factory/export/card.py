"""Dataset card: what is in it, what was thrown away and why, who wrote it, and what it does not
promise.

Promise: a README.md with YAML front matter as the Hugging Face Hub reads it. Everything that comes from the
store is quoted inert (`factory.export.markdown`). The same store and order give the same card. Not promised:
that the licence is the right one; it is what was given.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from factory import __version__
from factory.export.markdown import code, fenced, table
from factory.export.rows import PROVENANCE, Columns, Row, Source, Tally
from factory.seeds.split import TRAIN, VALIDATION
from factory.tasks.kinds import KINDS, stored_kind
from factory.text.reasons import CODE, sentence
from factory.text.visible import escape_hidden, truncate

MADE_HERE = "distill-factory"  # the tag by which `factory push` knows what an export wrote
_SIZES = [
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
]
_FILES = {"jsonl": "{split}.jsonl", "parquet": "{split}.parquet", "hf": "{split}/*.arrow"}
_LOAD = {
    "jsonl": 'datasets.load_dataset("json", data_files={{{files}}})',
    "parquet": 'datasets.load_dataset("parquet", data_files={{{files}}})',
    "hf": 'datasets.load_from_disk("PATH")',
}
_LEARN = {
    "messages": "`messages`: the conversation, OpenAI form",
    "prompt": "`prompt`: the conversation up to the first turn of the assistant",
    "completion": "`completion`: the rest of it",
    "tools": "`tools`: the tools that were offered, JSON text; TRL reads it as it is, other code with "
    "`json.loads`",
}


def write_card(
    path: Path, source: Source, columns: Columns, format: str, licence: str, tally: Tally, as_text: int
) -> None:
    """Write the card of what `tally` counted."""
    sections = (
        _front_matter(source, format, licence, tally),
        f"# {code(source.run['recipe_name'])}\n",
        f"{_samples(columns, tally)}, each accepted by every check, or by a person. "
        f"{_kept(source, tally)}\n",
        f"```python\nimport datasets\n\ndataset = {_load(format, tally)}\n```\n",
        "## Counts\n",
        _sizes(columns, tally),
        _families(tally),
        "A split is drawn by seed: all samples that were made from a seed are on one side.\n",
        "## Columns\n",
        _columns(source, columns, format, as_text),
        "## What was thrown away, and why\n",
        yields(source.yields),
        "A sample counts once in every check; it is in the dataset if all of them passed it, "
        "or if a person accepted it.\n",
        "## How it was made\n",
        _made(source, tally),
        "## The recipe\n",
        fenced(source.run["recipe_text"], "yaml"),
        "## Limits\n",
        _limits(columns, tally),
    )  # fmt: skip
    path.write_text("\n".join(sections), encoding="utf-8", newline="\n")


def _front_matter(source: Source, format: str, licence: str, tally: Tally) -> str:
    languages = sorted({language for _, language, _ in tally.rows if re.fullmatch("[a-z]{2,3}", language)})
    total = sum(tally.rows.values())
    fields: dict[str, Any] = {
        "license": licence.lower(),
        "language": languages,
        "pretty_name": escape_hidden(truncate(source.run["recipe_name"], 100)),
        "size_categories": [next((name for limit, name in _SIZES if total < limit), "n>100M")],
        "task_categories": ["text-generation"],
        "tags": [
            "synthetic",
            "distillation",
            MADE_HERE,
            *(tag for kind in sorted(tally.kinds) for tag in stored_kind(kind).tags),
        ],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": s, "path": _FILES[format].format(split=s)} for s in _splits(tally)],
            }
        ],
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---\n"


def _samples(columns: Columns, tally: Tally) -> str:
    kinds = ", ".join(f"{count} of kind {code(kind)}" for kind, count in sorted(tally.kinds.items()))
    notes = "".join(f", {note}" for kind in sorted(tally.kinds) if (note := stored_kind(kind).rows_note))
    rows = f" in {sum(tally.rows.values())} rows{notes}" if columns.tasks else ""
    return f"{sum(tally.samples.values())} samples ({kinds}){rows}"


def _kept(source: Source, tally: Tally) -> str:
    enough = (
        f", of which the first {source.going_out} are enough" if source.going_out < source.accepted else ""
    )
    given = f"The teacher gave {source.samples} answers"
    if not tally.teachers:
        given = f"{source.samples} conversations were read"
    elif tally.written:
        given = f"There were {source.samples} answers, the teacher's and those that people wrote"
    if not source.edited:
        return f"{given}; {source.accepted} of them were accepted{enough}."
    kept = f"{source.accepted - source.edited} were accepted as they are"
    return f"{given}; {kept}, and {source.edited} after a person edited them{enough}."


def _sizes(columns: Columns, tally: Tally) -> str:
    head = ("split", "rows", "samples", "seeds") if columns.tasks else ("split", "rows", "seeds")
    counts = [
        {"split": s, "rows": tally.split(s), "samples": tally.samples[s], "seeds": len(tally.seeds[s])}
        for s in _splits(tally)
    ]
    return table(head, [tuple(count[name] for name in head) for count in counts])


def _families(tally: Tally) -> str:
    splits = _splits(tally)
    families = sorted({(language, family) for _, language, family in tally.rows})
    rows = [(code(one[0]), code(one[1]), *(tally.rows[split, *one] for split in splits)) for one in families]
    return table(("language", "family", *splits), rows)


def _load(format: str, tally: Tally) -> str:
    files = ", ".join(f'"{split}": "{_FILES[format].format(split=split)}"' for split in _splits(tally))
    return _LOAD[format].format(files=files)


def yields(rows: list[Row]) -> str:
    """Return the table of what each check said, by reason."""
    cells = [
        (
            code(row["check_name"]),
            code(row["reason"]),
            # What else stands there, from a store that others made, is in its code span alone.
            sentence(row["reason"]) if CODE.fullmatch(row["reason"]) else "",
            "yes" if row["passed"] else "no",
            row["samples"],
            f"{row['share']:.1%}",
        )
        for row in rows
    ]
    return table(("check", "reason", "in words", "passed", "samples", "share"), cells)


def _columns(source: Source, columns: Columns, format: str, as_text: int) -> str:
    learn = dict(_LEARN)
    for kind in KINDS.values():
        learn |= kind.column_notes
    lines = [f"- {learn[name]}" for name in columns.names if name in learn]
    if columns.tasks:
        weights = ", ".join(f"{weight:g} for `{task}`" for task, weight in source.weights.items())
        lines.append(
            f"- `weight`: what a row counts in the loss, {weights}; TRL passes over it, "
            "a loss of your own multiplies by it"
        )
        lines.append("- `sample_id` and `task` together name a row; both rows of a sample are in one split")
    lines.append(
        f"- where a row comes from: {', '.join(f'`{name}`' for name in PROVENANCE)}; `sampling` is JSON text"
    )
    if columns.tools and format == "hf":
        lines.append("- the arguments of tool calls are objects, as chat templates expect them")
        if as_text:
            lines.append(
                f"- {as_text} calls keep their arguments as JSON text: "
                "`datasets` would round or refuse a number in them"
            )
    elif columns.tools:
        lines.append(
            "- the arguments of tool calls are JSON text, as the OpenAI API has it; "
            "chat templates want objects: `json.loads`"
        )
    return "\n".join(lines) + "\n"


def _made(source: Source, tally: Tally) -> str:
    run = source.run
    lines = [
        f"- teacher {code(name)}, revision {code(revision)}: {count} samples"
        for (name, revision), count in _most(tally.teachers)
    ]
    lines += [f"- sampling {code(settings)}: {count} samples" for settings, count in _most(tally.sampling)]
    if tally.written:
        lines.append(f"- written by people, or by a model in use: {tally.written} samples")
    if tally.edited:
        lines.append(f"- edited by a person: {tally.edited} samples, which are not counted above")
    if tally.overruled:
        lines.append(f"- accepted by a person against a check: {tally.overruled} samples")
    made = (
        "- new questions were made from seeds that people wrote; the teacher answered; "
        if tally.teachers
        else "- "
    )
    lines += [
        f"{made}every answer went through the checks above",
        f"- run {code(run['run_id'])} of {run['started_at']:%Y-%m-%d %H:%M} UTC, "
        f"plan {code(run['plan_id'])}, "
        f"recipe {code(run['recipe_digest'])}, exported by distill-factory {__version__}",
    ]
    return "\n".join(lines) + "\n"


def _limits(columns: Columns, tally: Tally) -> str:
    lines = [
        ("- The text was written by a language model. " if tally.teachers else "- ")
        + "A check proves what its name says and nothing else; "
        "nobody read every row.",
        "- The seeds decide what is here: topics, phrasings and languages are theirs.",
        "- A sample made from several parents is on the side of the seed that is named in `seed_id`.",
    ]
    if tally.without_conversation:
        lines.append(
            f"- {tally.without_conversation} accepted samples hold no conversation to learn from "
            "and were left out."
        )
    if columns.tools and columns.shape == "prompt-completion":
        lines.append(
            "- The completion holds the tools' results too: "
            "a loss on the whole completion also learns to write those."
        )
    return "\n".join(lines) + "\n"


def _splits(tally: Tally) -> list[str]:
    return [split for split in (TRAIN, VALIDATION) if split in tally.seeds]


def _most(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
