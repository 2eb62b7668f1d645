"""`factory init --from`: a recipe that makes a student of a file of conversations, personal data masked."""

import json
from pathlib import Path

import pytest

from factory.context.plan import Plan
from factory.context.run import Run
from factory.generate.stage import generate
from factory.pipeline.entry import enter_run
from factory.recipe import load_recipe
from factory.system.progress import Progress
from factory.workspace import Workspace
from tests.support.command import typed
from tests.support.conversations import ALL, said, user, write
from tests.support.sample_rows import open_store

MAIL, KEY = "anna.berg@example.org", "ghp_" + "Zq9" * 13
PLANTED = {"messages": [user(f"I am {MAIL}."), said(f"Use {KEY}.")]}


def test_a_fine_tuning_file_becomes_a_recipe_that_runs(tmp_path: Path) -> None:
    file = write(tmp_path / "our chats.jsonl", [*ALL, PLANTED, {"messages": [user("Hello?")]}])
    folder = tmp_path / "new"
    made = typed("init", folder, "--from", file)
    assert made.returncode == 0, made.stderr
    for told in (
        "conversations in the form messages: 21; kind labelled",
        "19 are learnt and 2 held out",
        "with the tools of each conversation in its prompt; then compressed to INT8",
        "our chats.jsonl:22: messages: nobody answers the user",
        "personal data in 1 row, masked (mail addresses: 1, keys and tokens: 1)",
    ):
        assert told in made.stderr
    checked = typed("validate", folder / "recipe.yaml")
    assert (checked.returncode, "labelled, 19 samples" in checked.stdout) == (0, True), checked.stderr

    loaded = load_recipe(folder / "recipe.yaml")
    assert loaded.recipe.student is not None and loaded.recipe.student.show_tools
    plan = Plan(Run(loaded, Workspace(folder), Progress()))
    assert not {seed.seed_id for seed in plan.seeds} & {seed.seed_id for seed in plan.held_out}
    with open_store(plan.run.workspace) as store:
        enter_run(plan, store, "test")
        summary = generate(plan, store, lambda: pytest.fail("a model was opened"))
        assert summary.startswith("nothing to ask; 19 samples accepted")
        tools = store.query("SELECT count(*) AS n FROM training_set WHERE tools::VARCHAR <> '[]'")
        assert tools[0]["n"] >= 8
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert MAIL.encode() not in written and KEY.encode() not in written
    assert MAIL not in made.stderr + checked.stdout


def test_the_same_file_is_split_the_same_way_and_beginnings_stay_together(tmp_path: Path) -> None:
    longer = [{"messages": [*row["messages"], user("Thanks."), said("You are welcome.")]} for row in ALL[:10]]
    rows = [*ALL[:10], *longer]
    held_out = []
    for name, order in (("one", rows), ("two", rows[::-1])):
        typed("init", tmp_path / name, "--from", write(tmp_path / f"{name}.jsonl", order))
        sides = [
            [json.loads(line)["messages"] for line in (tmp_path / name / file).read_text().splitlines()]
            for file in ("data/conversations.jsonl", "data/held_out.jsonl")
        ]
        first = [{messages[1]["content"] for messages in side} for side in sides]
        assert not first[0] & first[1]
        assert len(sides[0]) + len(sides[1]) == 20
        held_out.append(sorted(map(json.dumps, sides[1])))
    assert held_out[0] == held_out[1] != []


@pytest.mark.parametrize(
    ("rows", "form"),
    [
        ([{"request": {"messages": [user("Hi?")]}, "response": {"choices": [
            {"message": said("Yes."), "finish_reason": "stop"}]}}], "stored_completion"),
        ([{"prompt": "Name a river.", "completion": " The Rhine."}], "prompt_completion"),
        ([{"instruction": "Name a river.", "input": "", "output": "The Rhine."}], "alpaca"),
        ([{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]}], "messages"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_every_form_is_recognised(tmp_path: Path, rows: list[object], form: str) -> None:
    made = typed("init", tmp_path / "new", "--from", write(tmp_path / "logs.jsonl", rows))
    assert made.returncode == 0 and f"conversations in the form {form}: 1;" in made.stderr
    assert "too few to hold any out" in made.stderr
    assert typed("validate", tmp_path / "new" / "recipe.yaml").returncode == 0


def test_what_is_no_conversation_is_refused_with_the_forms_that_are(tmp_path: Path) -> None:
    made = typed(
        "init", tmp_path / "new", "--from", write(tmp_path / "x.jsonl", [{"messages": [user("Hi.")]}])
    )
    assert made.returncode == 2 and "x.jsonl:1: messages: nobody answers the user" in made.stderr
    assert "stored_completion" in made.stderr and not (tmp_path / "new").exists()
    two = typed("init", tmp_path / "new", "--from", tmp_path / "x.jsonl", "--recipe", "tools")
    assert two.returncode == 2 and "--recipe and --from are two beginnings" in two.stderr
