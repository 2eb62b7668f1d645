"""A recipe of a student from conversations as they lie on a disk: what `factory init --from` writes.

Promise: the recipe validates and runs as it is. Personal data is masked before a file is written. Which
conversations are held out follows from their contents alone, and those that begin alike are on one side.
"""

import json
from pathlib import Path

from factory.errors import InputError
from factory.seeds.formats import SeedFormats
from factory.seeds.load import SeedFile, load_seeds
from factory.seeds.masking import Masker
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.labelled.seeds import FORMATS, ConversationFormat

_RECIPE = """\
# A student of the conversations in {source}, made with: factory init --from
# factory run recipe.yaml -w .
# yaml-language-server: $schema=recipe.schema.json
name: {name}
seed: 7

# Nobody is asked for labelled conversations: the teacher is measured beside the student.
teacher: {{model: {model}}}

data:
  kind: labelled
  seeds: {train}
  personal: mask
  count: {count}

checks: [schema, degenerate, dedup{decontamination}]

student:
  base: {model}
  show_tools: {show_tools}
  adapter: {{kind: lora, rank: 16}}
  stages:
    - sft: {{steps: {steps}, batch_size: 8, learning_rate: 0.001}}

compress: {{quantize: w8a8-static, calibration_samples: {calibration}}}
{evaluate}"""
_TRAIN, _HELD_OUT, _MODEL = "data/conversations.jsonl", "data/held_out.jsonl", "smollm2-135m-instruct"
_SHARE, _MOST_HELD_OUT, _ROUNDS, _MOST_STEPS, _LISTED = 10, 200, 3, 600, 5


def start(source: Path) -> tuple[dict[str, str], list[str]]:
    """Return the files of a workspace by their names, and notes of what was decided."""
    formats = SeedFormats("labelled", ConversationFormat, FORMATS, FORMATS)
    file = load_seeds(source, formats, personal="mask")
    if not file.seeds:
        raise InputError(
            f"{file.told() or source}\nno conversation can be read",
            f"Known forms: {formats.names}; docs/kinds.md shows each.",
        )
    learnt, held_out = _split(file.seeds)
    with_tools = any(json.loads(seed.conversation)["tools"] for seed in file.seeds)
    steps = min(_MOST_STEPS, max(20, -(-_ROUNDS * len(learnt) // 8)))
    shown = Masker().text(source.name).encode("ascii", "backslashreplace").decode()
    recipe = _RECIPE.format(
        source=shown.replace("\n", " "),
        name=_recipe_name(shown),
        model=_MODEL,
        train=_TRAIN,
        count=len(learnt),
        decontamination=", decontamination" if held_out else "",
        show_tools=str(with_tools).lower(),
        steps=steps,
        calibration=max(8, min(32, len(learnt))),
        evaluate=_evaluate(held_out),
    )
    files = {"recipe.yaml": recipe, _TRAIN: _lines(learnt)}
    if held_out:
        files[_HELD_OUT] = _lines(held_out)
    decided = [
        f"{shown}: conversations in the form {file.format_name}: {len(file.seeds)}; kind labelled",
        f"{len(learnt)} are learnt and {len(held_out)} held out, by their contents"
        if held_out
        else "too few to hold any out: nothing is evaluated",
        f"the student is {_MODEL}, taught for {steps} steps"
        + (", with the tools of each conversation in its prompt" if with_tools else "")
        + "; then compressed to INT8",
    ]
    return files, [*decided, *_told(file)]


def _told(file: SeedFile) -> list[str]:
    return [*(f"left out: {fault}" for fault in file.gathered(_LISTED)), *file.notes]


def _split(seeds: list[Seed]) -> tuple[list[Seed], list[Seed]]:
    """Return what is learnt and what is held out: about a tenth, and never more than half."""
    groups: dict[str, list[Seed]] = {}
    for seed in seeds:
        groups.setdefault(_beginning(seed), []).append(seed)
    wanted = min(_MOST_HELD_OUT, max(1, len(seeds) // _SHARE))
    held_out: set[str] = set()
    for beginning in sorted(groups, key=lambda text: content_id(["held out", text])):
        if len(held_out) < wanted and len(held_out) + len(groups[beginning]) <= len(seeds) // 2:
            held_out |= {seed.seed_id for seed in groups[beginning]}
    return (
        [seed for seed in seeds if seed.seed_id not in held_out],
        [seed for seed in seeds if seed.seed_id in held_out],
    )


def _beginning(seed: Seed) -> str:
    messages = json.loads(seed.conversation)["messages"]
    first = next(message["content"] for message in messages if message["role"] == "user")
    return " ".join(first.casefold().split())


def _evaluate(held_out: list[Seed]) -> str:
    if not held_out:
        return ""
    longest = max(len(seed.reference) for seed in held_out)
    tokens = min(512, max(64, -(-longest // 2)))
    return f"\nevaluate: {{held_out: {_HELD_OUT}, max_tokens: {tokens}, repeats: 1}}\n"


def _lines(seeds: list[Seed]) -> str:
    rows = (
        {"id": seed.name, "language": seed.language, "family": seed.family} | json.loads(seed.conversation)
        for seed in seeds
    )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _recipe_name(name: str) -> str:
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in name.split(".")[0])
    return kept.strip("-").lower()[:40] or "conversations"
