"""Recipes of each kind: those that ship and those that `factory init` makes are right, and a wrong one says
where and what to do."""

from pathlib import Path

import pytest

from factory.cli.init import init
from factory.context.plan import Plan
from factory.context.run import Run
from factory.generate import dry_run
from factory.pipeline.preflight import preflight
from factory.recipe import load_recipe
from factory.recipe.checks import check_name
from factory.system.progress import Progress
from factory.system.resources import resource
from factory.tasks.kinds import KINDS
from factory.workspace import Workspace
from tests.unit.recipe.conftest import Bend, faults

# Of these a folder of one's own can be made; the other one is the measured case's.
OFFERED = {
    "calculator": "tool_call",
    "tools": "tool_call",
    "functions": "function_call",
    "rationale": "rationale",
    "instruction": "instruction",
    "labels": "label",
    "extract": "extract",
    "assistant": "labelled",
}
SHIPPED = OFFERED | {"calculator-qwen": "tool_call"}
# What a recipe of a kind cannot do without.
NEEDED: dict[str, dict[str, object]] = {
    "tool_call": {},
    "function_call": {"data.tools": None},
    "label": {"data.tools": None, "data.labels": ["yes", "no"]},
    # Any file: it is not opened here.
    "extract": {"data.tools": None, "data.schema": "data/tools.json"},
}
PLAIN = {"student": None, "data.tools": None}
RATIONALE = {**PLAIN, "data.kind": "rationale"}
# What the checks of tool calls cannot do without.
CALLED = ("schema", "execution")
INSTRUCTION = {**PLAIN, "data.kind": "instruction"}
LABEL = {**PLAIN, "data.kind": "label", **NEEDED["label"]}
EXTRACT = {**PLAIN, "data.kind": "extract", **NEEDED["extract"]}


def test_every_kind_ships_a_recipe() -> None:
    recipes = resource("pipelines").glob("*.yaml")
    found = {path.stem: load_recipe(path).recipe.sources[0].data.kind for path in recipes}
    assert found == SHIPPED
    assert set(found.values()) == set(KINDS)


@pytest.mark.parametrize("recipe", OFFERED)
def test_init_makes_a_folder_that_is_ready_to_run(
    tmp_path: Path, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How much memory is free here and now says nothing about the folder.
    monkeypatch.setattr("factory.pipeline.preflight.require_memory", lambda *_: None)
    init(tmp_path / "mine", recipe)
    loaded = load_recipe(tmp_path / "mine" / "recipe.yaml")
    for source in loaded.recipe.sources:
        files = [source.kind.tool_file(source.data), source.kind.schema_file(source.data)]
        for name in [source.data.seeds, *filter(None, files)]:
            assert loaded.resolve(name).is_relative_to(tmp_path / "mine")
    context = Plan(Run(loaded, Workspace(tmp_path / "work"), Progress()))
    preflight(context, ("generate", "check"))
    for plan in context.plans:
        prompts = dry_run.prompts(plan)
        assert len(set(prompts)) == len(prompts) == (3 if plan.kind.is_asked else 0)
        held_out, seeds = ({seed.seed_id for seed in each} for each in (plan.held_out, plan.seeds))
        assert held_out and not held_out & seeds
    # The calculator's recipe leaves it out: the text of a single call has nothing in it that could repeat or
    # refuse.
    left_out = {"degenerate"} if recipe == "calculator" else set()
    assert {key.partition("@")[0] for key in context.suite().keys} - {"selection"} == set(
        map(check_name, context.kind.default_checks)
    ) - left_out


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_checks_suit_the_kind(bend: Bend, kind: str) -> None:
    changes = {"student": None, "data.kind": kind, **NEEDED.get(kind, {"data.tools": None})}
    chosen = load_recipe(bend(changes)).recipe.checks
    written = load_recipe(bend({**changes, "checks": list(KINDS[kind].default_checks)})).recipe.checks
    assert chosen == written
    assert "decontamination" not in load_recipe(bend({**changes, "evaluate": None})).recipe.checks


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({**RATIONALE, "checks": ["execution", "schema"]},
            "checks[0]: the kind rationale has no calls to carry out; remove this check"),
        ({**INSTRUCTION, "checks": ["schema", "execution"]},
            "checks[1]: the kind instruction has no calls to carry out; remove"),
        ({**INSTRUCTION, "checks": ["agreement", "schema"]},
            "checks[0]: an instruction has no answer that could be compared"),
        ({**INSTRUCTION, "checks": [{"agreement": {"margin": 0.5}}, "schema"]},
            "checks[0]: an instruction has no answer that could"),
        ({**INSTRUCTION, "data.samples_per_prompt": 2},
            "data.samples_per_prompt: each proposal is drawn once; ask for more samples with count"),
        ({**RATIONALE, "data.kind": "rational"},
            "data.kind: 'rational' is not one of tool_call, function_call, rationale, instruction, label, "),
        ({**RATIONALE, "data.kind": None},
            "data.kind: must have a kind: tool_call, function_call, rationale, instruction"),
        ({**LABEL, "data.labels": None}, "data.labels: required, but missing"),
        ({**LABEL, "data.labels": "billing"}, "data.labels: must be a list of labels, or a mapping"),
        ({**LABEL, "data.labels": ["billing"]}, "data.labels: from 2 to 200 labels, not 1"),
        ({**LABEL, "data.labels": ["a", "b", "a"]}, "data.labels: a label is named twice"),
        ({**LABEL, "data.labels": ["a", 3]}, "data.labels: the label 3 is no text; write it in quotes"),
        ({**LABEL, "data.labels": ["a", True]}, "data.labels: the label True is no text; write it in quotes"),
        ({**LABEL, "data.labels": ["a", " b"]}, "data.labels: the label ' b' is empty, too long, or has"),
        ({**LABEL, "data.labels": ["a", "b\nc"]}, "data.labels: the label 'b\\nc' is empty, too long"),
        ({**LABEL, "data.labels": ["a", "<|im_end|>"]}, "data.labels: a label holds <|im_end|>, which would"),
        ({**LABEL, "data.labels": {"a": "x", "b": 3}}, "data.labels.b: must be text, not the number 3"),
        ({**LABEL, "checks": ["schema", "degenerate"]}, "checks[1]: a label is one of a few, and no text"),
        ({**LABEL, "checks": ["schema", "length"]}, "checks[1]: a label is one of a few, however long"),
        ({**LABEL, "checks": ["schema", "execution"]}, "checks[1]: the kind label has no calls to carry out"),
        ({**EXTRACT, "data.schema": None}, "data.schema: required, but missing"),
        ({**EXTRACT, "data.schema": "data/none.json"}, "data.schema: 'data/none.json' was not found; looked"),
        ({**EXTRACT, "checks": ["schema", "degenerate"]}, "checks[1]: fields are held to a schema and"),
        ({**EXTRACT, "data.labels": ["a", "b"]}, "data.labels: unknown key"),
        ({**RATIONALE, "data.keep": "longest"}, "data.keep: 'longest' is not one of shortest, diverse, all"),
        ({**RATIONALE, "data.evolve": 1}, "data.evolve: unknown key"),
        ({**INSTRUCTION, "data.keep": "all"}, "data.keep: unknown key"),
        ({**INSTRUCTION, "data.evolve": 5}, "data.evolve: must be at most 4, not 5"),
        ({**INSTRUCTION, "data.tools": "data/tools.json"}, "data.tools: unknown key"),
        ({"data.tools": None}, "data.tools: required, but missing"),
        ({"data.budget": {"requests": 0}}, "data.budget.requests: must be at least 1, not 0"),
        ({"data.budget": {"token": 5}}, "data.budget.token: unknown key; did you mean 'tokens'?"),
        ({"data.columns": {"question": 3}}, "data.columns.question: must be text, not the number 3"),
        ({"data.custom_tools": {"python": "data/none.py"}},
            "data.custom_tools.python: 'data/none.py' was not found; looked in"),
        ({"data.custom_tools": {"python": "data/tools.json", "timeout_s": 0}},
            "data.custom_tools.timeout_s: must be greater than 0.0, not 0"),
        ({"data.custom_tools": {"timeout_s": 1}}, "data.custom_tools.python: required, but missing"),
        ({**RATIONALE, "data.custom_tools": {"python": "data/tools.json"}}, "data.custom_tools: unknown key"),
        ({"checks": [{"dedup": {"threshold": 0.2}}, *CALLED]},
            "checks[0].dedup.threshold: must be at least 0.3, not 0.2"),
        ({"checks": [{"dedup": {"threshold": 1.5}}, *CALLED]},
            "checks[0].dedup.threshold: must be at most 1.0, not 1.5"),
        ({"checks": [{"dedup": {"treshold": 0.7}}, *CALLED]},
            "checks[0].dedup.treshold: unknown key; did you mean 'threshold'?"),
        ({"checks": [{"length": {"min_words": 9, "max_words": 3}}, *CALLED]},
            "checks[0].length: min_words (9) is more than max_words (3)"),
        ({"checks": [{"length": {"min_words": 2000}}, *CALLED]},
            "checks[0].length: min_words (2000) is more than max_words (1000)"),
        ({"checks": [{"judge": {"min_score": 6}}, *CALLED]},
            "checks[0].judge.min_score: must be at most 5.0, not 6"),
        ({"checks": [{"agreement": {"margin": -1}}, *CALLED]},
            "checks[0].agreement.margin: must be at least 0.0, not -1"),
        ({"checks": ["dedup", {"dedup": {"threshold": 0.7}}, *CALLED]}, "checks[1]: named twice"),
        ({"checks": ["lenght", *CALLED]}, "checks[0]: 'lenght' is not one of"),
        ({"checks": [{"dedup": {"threshold": 0.7}, "length": {}}, *CALLED]},
            "checks[0]: must be the name of a check, or one of agreement"),
        ({**RATIONALE, "student": {
            "base": "smollm2-135m-instruct", "stages": [{"sft": {"steps": 1, "call_weight": 2.0}}]}},
         "student.stages[0].sft.call_weight: the kind rationale has no calls; remove it"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_wrong_recipe_tells_line_and_what_to_do(bend: Bend, changes: dict[str, object], told: str) -> None:
    path = bend(changes)
    (fault,) = faults(path)
    line, _, message = fault.partition(": ")
    assert message.startswith(told)
    # The line is that of the key, or of the item of the list.
    key = told.partition(":")[0].rpartition(".")[2].partition("[")[0]
    shown = path.read_text().splitlines()[int(line) - 1]
    missing = "missing" in told or "must have a kind" in told
    assert missing or key in shown or shown.lstrip().startswith("- "), shown


def test_length_settings_that_are_no_settings_are_told_once(bend: Bend) -> None:
    for value in (3, None, ["min_words"], {"min_words": "many"}, {"min_words": True}):
        assert all("length" in fault for fault in faults(bend({"checks": [{"length": value}, *CALLED]})))
