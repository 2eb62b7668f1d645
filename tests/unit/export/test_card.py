"""The card says what is there, and nothing in it is anything but text."""

import re
from pathlib import Path

import yaml

from factory.text.visible import escape_hidden
from tests.support.export_stores import export_to, make_store, many, read_lines, sample
from tests.support.sample_rows import EVIL

HOSTILE = '# see\n````\n<script>alert(1)</script>\nname: "`x`" # \u202e\n'


def _front(card: str) -> dict[str, object]:
    return yaml.safe_load(card.split("---\n")[1])


def test_the_front_matter_is_what_the_hub_reads(tmp_path: Path) -> None:
    rows = [
        *many(40, seeds=20),
        sample(50, "b2:seed0", language="zh"),
        sample(51, "b2:seed0", language="!!python/x"),
    ]
    export_to(make_store(tmp_path / "w", rows), tmp_path / "out", validation=0.4, licence="CC-BY-4.0")
    front = _front((tmp_path / "out" / "README.md").read_text())
    assert front["license"] == "cc-by-4.0"
    assert front["language"] == ["en", "zh"]
    assert front["size_categories"] == ["n<1K"]
    assert {"synthetic", "function-calling"} <= set(front["tags"])
    (config,) = front["configs"]
    assert config["data_files"] == [
        {"split": "train", "path": "train.jsonl"},
        {"split": "validation", "path": "validation.jsonl"},
    ]


def test_the_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    done = export_to(
        make_store(tmp_path / "w", many(43, seeds=20), rejected=3), tmp_path / "out", validation=0.4
    )
    card = (tmp_path / "out" / "README.md").read_text()
    for split in ("train", "validation"):
        rows = read_lines(tmp_path / "out" / f"{split}.jsonl")
        assert f"| {split} | {len(rows)} | {len({row['seed_id'] for row in rows})} |" in card
    assert (
        "| `en` | `product` | {} | {} |".format(
            *(done.tally.split(split) for split in ("train", "validation"))
        )
        in card
    )
    assert "| `execution` | `wrong_result` | the result differs from the reference | no | 3 | 7.0% |" in card
    assert "| `execution` | `ok` | passed | yes | 40 | 93.0% |" in card
    assert "teacher `teacher-a`, revision `r1`: 40 samples" in card
    assert '`{"temperature": 0.8}`: 40 samples' in card


def test_the_recipe_stands_there_as_it_is(tmp_path: Path) -> None:
    recipe = "# Purpose.\nname: tiny  # ``` and ````\n\ndata: {kind: tool_call}\n"
    export_to(make_store(tmp_path / "w", many(3, seeds=2), recipe_text=recipe), tmp_path / "out")
    assert f"`````yaml\n{recipe}`````\n" in (tmp_path / "out" / "README.md").read_text()


def test_hostile_text_is_inert(tmp_path: Path) -> None:
    evil = EVIL.replace("\0", "") + "`` | <script> ![x](http://x)\n# head"
    rows = [sample(0, "b2:s", kind=evil, language=evil, question=EVIL)]
    workspace = make_store(tmp_path / "w", rows, recipe_text=HOSTILE, recipe_name=evil)
    export_to(workspace, tmp_path / "out")
    card, data = ((tmp_path / "out" / name).read_text() for name in ("README.md", "train.jsonl"))
    for text in (card, data):
        assert escape_hidden(text) == text
    # Without fences and code spans nothing of it is left to be markup.
    fence = re.search("^(`{3,})yaml\n.*?\n\\1\n", card, re.MULTILINE | re.DOTALL)
    assert fence is not None and fence[1] == "`````" and escape_hidden(HOSTILE).rstrip() in fence[0]
    rest = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", card.replace(fence[0], "").split("---\n", 2)[2])
    for mark in ("<script>", "HYPERLINK", "![x]", "head"):
        assert mark in card and mark not in rest
    assert read_lines(tmp_path / "out" / "train.jsonl")[0]["question"] == EVIL
