"""A rationale goes out as two rows, one for each task, with the weights of the recipe."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from factory.errors import FactoryError
from factory.recipe.source import read_source
from factory.tasks.kinds import KINDS
from tests.support.export_stores import (
    export_to,
    make_store,
    many,
    rationale_sample,
    read_lines,
    said_messages,
    sample,
)

RECIPE = "name: tiny\ndata: {{kind: rationale, rationale_weight: {}}}\n"


def rationales(count: int, seeds: int) -> list[dict]:
    return [rationale_sample(place, f"b2:seed{place % seeds}") for place in range(count)]


def test_a_sample_is_a_row_of_each_task(tmp_path: Path) -> None:
    workspace = make_store(tmp_path / "w", [rationale_sample(3, "b2:s")], recipe_text=RECIPE.format("0.5"))
    export_to(workspace, tmp_path / "out.jsonl")
    label, rationale = read_lines(tmp_path / "out.jsonl")
    question = "Ann has 3 jars of 12 plums. How many plums?"
    assert label["messages"] == said_messages(f"[label] {question}", "36")
    assert rationale["messages"] == said_messages(f"[rationale] {question}", "3 times 12 is 36.\nAnswer: 36")
    assert [(row["task"], row["weight"]) for row in (label, rationale)] == [
        ("label", 1.0),
        ("rationale", 0.5),
    ]
    # All else is the same: the question of the pedigree is the bare one.
    learnt = ("messages", "task", "weight")
    assert {name: label[name] for name in label if name not in learnt} == {
        n: rationale[n] for n in rationale if n not in learnt
    }
    assert label["question"] == question


def test_prompt_and_completion(tmp_path: Path) -> None:
    export_to(
        make_store(tmp_path / "w", [rationale_sample(3, "b2:s")]),
        tmp_path / "out.jsonl",
        shape="prompt-completion",
    )
    label, rationale = read_lines(tmp_path / "out.jsonl")
    question = "Ann has 3 jars of 12 plums. How many plums?"
    assert label["prompt"] + label["completion"] == said_messages(f"[label] {question}", "36")
    assert rationale["prompt"] + rationale["completion"] == said_messages(
        f"[rationale] {question}", "3 times 12 is 36.\nAnswer: 36"
    )
    assert len(label["prompt"]) == len(rationale["prompt"]) == 1


def test_the_prefix_stands_before_the_question_and_not_before_the_system_turn(tmp_path: Path) -> None:
    system = {"role": "system", "content": "Be brief."}
    rows = [rationale_sample(3, "b2:s", messages=[system, *said_messages("How many?", "36")])]
    export_to(make_store(tmp_path / "w", rows), tmp_path / "out.jsonl")
    for row in read_lines(tmp_path / "out.jsonl"):
        assert row["messages"][:2] == [system, {"role": "user", "content": f"[{row['task']}] How many?"}]


@pytest.mark.parametrize("format", ["jsonl", "parquet", "hf"])
def test_both_rows_are_on_one_side(tmp_path: Path, format: str) -> None:
    if format == "hf":
        pytest.importorskip("datasets")
    done = export_to(
        make_store(tmp_path / "w", rationales(200, seeds=40)), tmp_path / "out", format, validation=0.4
    )
    tasks, sides = defaultdict(list), defaultdict(set)
    for split, rows in _read(format, tmp_path / "out").items():
        for row in rows:
            tasks[row["sample_id"]].append(row["task"])
            sides[row["seed_id"]].add(split)
    assert len(tasks) == 200 and set(map(tuple, tasks.values())) == {("label", "rationale")}
    assert Counter(map(len, sides.values())) == {1: 40}
    assert set.union(*sides.values()) == {"train", "validation"}
    assert (sum(done.tally.rows.values()), sum(done.tally.samples.values())) == (400, 200)


def _read(format: str, folder: Path) -> dict[str, list[dict]]:
    import pyarrow.parquet

    if format == "jsonl":
        return {path.stem: read_lines(path) for path in folder.glob("*.jsonl")}
    if format == "parquet":
        return {path.stem: pyarrow.parquet.read_table(path).to_pylist() for path in folder.glob("*.parquet")}
    import datasets

    loaded = datasets.load_from_disk(str(folder))
    assert {str(rows.features["weight"].dtype) for rows in loaded.values()} == {"float64"}
    return {split: list(rows) for split, rows in loaded.items()}


@pytest.mark.parametrize(
    ("recipe", "weight"),
    [
        (RECIPE.format("2"), 2.0),
        (RECIPE.format("0.001"), 0.001),
        ("data: {kind: rationale}", 1.0),
        ("name: tiny", 1.0),
        ("data: 5", 1.0),
    ],
)
def test_the_weight_is_the_one_of_the_recipe(recipe: str, weight: float) -> None:
    assert _weights(recipe) == {"label": 1.0, "rationale": weight}


def _weights(recipe: str) -> dict[str, float]:
    data = (read_source(recipe).value or {}).get("data")
    return KINDS["rationale"].task_weights(data if isinstance(data, dict) else {})


@pytest.mark.parametrize(
    "recipe",
    [
        *map(RECIPE.format, ["0", "-1", "101", ".nan", ".inf", "heavy", "true", "[1]", "!!float 2", "*x"]),
        "{",
        "",
        "data: {a: *b, c: d",
    ],
)
def test_a_recipe_without_a_readable_weight_is_an_error(tmp_path: Path, recipe: str) -> None:
    workspace = make_store(tmp_path / "w", rationales(1, seeds=1), recipe_text=recipe)
    with pytest.raises(FactoryError, match="(no valid weight of rationales|cannot be read).*\n.*current_run"):
        export_to(workspace, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_dataset_without_rationales_has_no_tasks_and_asks_no_recipe(tmp_path: Path) -> None:
    export_to(
        make_store(tmp_path / "w", many(3, seeds=1), recipe_text=RECIPE.format("heavy")), tmp_path / "out"
    )
    assert not {"task", "weight"} & set(read_lines(tmp_path / "out" / "train.jsonl")[0])
    card = (tmp_path / "out" / "README.md").read_text()
    assert "`weight`" not in card and "| split | rows | seeds |" in card


def test_rows_of_another_kind_among_rationales_have_no_task(tmp_path: Path) -> None:
    rows = [sample(0, "b2:s"), rationale_sample(1, "b2:s")]
    export_to(make_store(tmp_path / "w", rows, recipe_text=RECIPE.format("3")), tmp_path / "out.jsonl")
    assert [(row["kind"], row["task"], row["weight"]) for row in read_lines(tmp_path / "out.jsonl")] == [
        ("tool_call", None, 1.0), ("rationale", "label", 1.0), ("rationale", "rationale", 3.0),
    ]  # fmt: skip


def test_a_rationale_without_an_answer_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [
        rationale_sample(0, "b2:s"),
        rationale_sample(1, "b2:s", answer=None),
        rationale_sample(2, "b2:s", messages=None),
    ]
    done = export_to(make_store(tmp_path / "w", rows), tmp_path / "out.jsonl")
    assert {row["sample_id"] for row in read_lines(tmp_path / "out.jsonl")} == {"b2:sample0"}
    assert done.tally.without_conversation == 2


def test_the_card_counts_rows_and_samples_apart(tmp_path: Path) -> None:
    workspace = make_store(
        tmp_path / "w", rationales(43, seeds=20), rejected=3, recipe_text=RECIPE.format("0.25")
    )
    done = export_to(workspace, tmp_path / "out", validation=0.4)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "40 samples (40 of kind `rationale`) in 80 rows, two for each rationale, each accepted" in card
    assert "| split | rows | samples | seeds |" in card
    for split in ("train", "validation"):
        rows = read_lines(tmp_path / "out" / f"{split}.jsonl")
        samples, seeds = ({row[name] for row in rows} for name in ("sample_id", "seed_id"))
        assert len(rows) == 2 * len(samples) == done.tally.split(split)
        assert f"| {split} | {len(rows)} | {len(samples)} | {len(seeds)} |" in card
    assert "`[label] `" in card and "`[rationale] `" in card
    assert "1 for `label`, 0.25 for `rationale`" in card
    assert "revision `r1`: 40 samples" in card
