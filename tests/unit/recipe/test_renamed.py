"""Recipes with the names that settings had before: they work, the new name is noted with its line, and every
content id is the one of the old name."""

import yaml
from pydantic import BaseModel

from factory.recipe import load_recipe
from factory.recipe.model import Recipe
from factory.system.settings import models_in
from tests.support.command import typed
from tests.unit.recipe.conftest import PLAIN, Bend, Write, faults

OLD = """\
name: old
teacher: {model: smollm2-135m-instruct}
data:
  kind: tool_call
  seeds: data/seeds.jsonl
  tools: data/tools.json
  count: 4
  draws: 2
  own_tools: {python: data/tools.json, seconds: 3}
student:
  base: smollm2-135m-instruct
  prune: {mlp: 0.25, samples: 32}
  stages:
    - sft: {steps: 2}
    - distill:
        steps: 30
        watch: {every: 10}
compress:
  quantize: mixed
  most_kl: 0.5
  most_lost: 0.1
  repair: {steps: 3}
evaluate: {held_out: data/held_out.jsonl}
search: {rank: [4], most_bytes: 5, most_latency_s: 1, most_lost: 0.1}
"""
NEW = {
    "draws": "samples_per_prompt",
    "own_tools": "custom_tools",
    "seconds": "timeout_s",
    "samples": "calibration_samples",
    "watch": "validation",
    "most_kl": "max_kl",
    "most_lost": "max_accuracy_drop",
    "most_bytes": "max_bytes",
    "most_latency_s": "max_latency_s",
    "repair": "recover",
    "most": "max_kept",
}


def _renamed(value: object) -> object:
    if isinstance(value, dict):
        return {NEW.get(key, key): _renamed(inner) for key, inner in value.items()}
    return [_renamed(item) for item in value] if isinstance(value, list) else value


def test_old_names_are_read_as_the_new_ones(write: Write) -> None:
    old = load_recipe(write(OLD))
    old.path.write_text(yaml.safe_dump(_renamed(yaml.safe_load(OLD)), sort_keys=False))
    new = load_recipe(old.path)
    assert old.recipe == new.recipe
    assert old.digest == new.digest
    assert old.recipe.data.samples_per_prompt == 2
    assert new.notes == ()


def test_each_old_name_is_noted_with_its_line_and_its_new_place(write: Write) -> None:
    path = write(OLD)
    notes = [note.removeprefix(f"{path}:") for note in load_recipe(path).notes]
    assert notes[:6] == [
        "8: data.draws is now data.samples_per_prompt",
        "9: data.own_tools is now data.custom_tools",
        "9: data.own_tools.seconds is now data.custom_tools.timeout_s",
        "12: student.prune.samples is now student.prune.calibration_samples",
        "17: student.stages[1].distill.watch is now student.stages[1].distill.validation",
        "20: compress.most_kl is now compress.max_kl",
    ]
    assert len(notes) == 11


def test_a_setting_without_effect_is_accepted_and_says_so(write: Write) -> None:
    path = write(PLAIN + "  bootstrap: 500\n")
    loaded = load_recipe(path)
    (note,) = loaded.notes
    assert note.startswith(f"{path}:16: evaluate.bootstrap has no effect any more")
    assert loaded.recipe.evaluate is not None
    assert loaded.recipe.evaluate.identity()["bootstrap"] == 500, "ids of what was measured stay"


def test_validate_prints_the_notes(write: Write) -> None:
    path = write(PLAIN.replace("  count: 4", "  count: 4\n  draws: 2"))
    said = typed("validate", path)
    assert said.returncode == 0
    assert said.stdout.startswith(f"{path}:9: data.draws is now data.samples_per_prompt\n{path}: ok\n")


def test_a_setting_under_both_names_is_a_fault(write: Write) -> None:
    text = PLAIN.replace("  count: 4", "  draws: 2\n  count: 4\n  samples_per_prompt: 3")
    assert faults(write(text)) == [
        "8: data.draws: is now samples_per_prompt, which is on line 10 too; remove one of them"
    ]


def test_faults_are_reported_under_the_new_name_on_the_line_of_the_old(write: Write) -> None:
    assert faults(write(PLAIN.replace("  count: 4", "  count: 4\n  draws: many"))) == [
        "9: data.samples_per_prompt: must be a whole number, not text"
    ]


def test_an_old_name_in_the_wrong_place_is_an_unknown_key(bend: Bend) -> None:
    (fault,) = faults(bend({"teacher.draws": 2}))
    assert "unknown key" in fault


def test_ids_are_made_of_the_old_names(write: Write) -> None:
    recipe = load_recipe(write(OLD)).recipe
    dumped = recipe.identity(mode="json")
    assert dumped["data"]["draws"] == 2
    assert dumped["data"]["own_tools"]["seconds"] == 3
    assert dumped["student"]["stages"][1]["distill"]["watch"]["every"] == 10
    assert recipe.compress is not None
    assert recipe.compress.making["most_kl"] == 0.5
    assert {"repair", "recover", "most_lost", "max_accuracy_drop"}.isdisjoint(recipe.compress.making)


def test_no_first_name_is_given_twice() -> None:
    waiting: list[type[BaseModel]] = [Recipe]
    seen: set[type[BaseModel]] = set()
    while waiting:
        if (one := waiting.pop()) in seen:
            continue
        seen.add(one)
        firsts = [field.serialization_alias or name for name, field in one.model_fields.items()]
        assert len(firsts) == len(set(firsts)), one
        waiting += [inner for field in one.model_fields.values() for inner in models_in(field.annotation)]
    assert len(seen) > 20
