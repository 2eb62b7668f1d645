"""The checks of a recipe are those of its kind, or those that it names with its settings."""

import dataclasses
import importlib.metadata
from typing import Any

import pytest

from factory.checks.registry import build_suite
from factory.checks.sentence_encoder import PACKAGE, VERSION
from factory.errors import FactoryError
from factory.recipe.checks import check_name
from factory.recipe.model import Recipe
from factory.tasks.kinds import KINDS
from tests.support.calculator import CALCULATOR, SEEDS
from tests.support.judged import judged

NEEDED: dict[str, dict[str, Any]] = {
    "tool_call": {"tools": "t"},
    "label": {"labels": ["yes", "no"]},
    "extract": {"schema": "f.json"},
}


def recipe(kind: str, checks: list[Any] | None = None, *, evaluate: bool = True, **data: Any) -> Recipe:
    about: dict[str, Any] = {
        "kind": kind,
        "seeds": "s",
        "count": 1,
        **NEEDED.get(kind, {}),
        **data,
    }
    written = {"name": "tiny", "teacher": {"model": "smollm2-135m-instruct"}, "data": about}
    if checks is not None:
        written["checks"] = checks
    if evaluate:
        written["evaluate"] = {"held_out": "h"}
    return Recipe.model_validate(written)


def built(kind: str, checks: list[Any] | None = None, **about: Any) -> dict[str, dict[str, Any]]:
    """Return the settings of the checks that are built, by name, in the order in which they judge."""
    tools = CALCULATOR if kind == "tool_call" else []
    suite = build_suite(recipe(kind, checks, **about).sources[0], tools, SEEDS[:2], "b2:plan")
    return {check.name: check.settings for check in (*suite.single, *suite.draws, *suite.stream)}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_is_checked_by(kind: str) -> None:
    extra = {"selection"} if kind == "rationale" else set()
    names = set(map(check_name, KINDS[kind].default_checks))
    assert set(built(kind)) == names | extra
    # There is nothing held out where nothing is evaluated.
    assert set(built(kind, evaluate=False)) == names - {"decontamination"} | extra


def test_draws_are_compared_after_single_samples_and_the_stream_last() -> None:
    assert list(built("rationale", ["dedup", "agreement", "schema"])) == [
        "schema",
        "agreement",
        "selection",
        "dedup",
    ]
    assert list(built("instruction", ["dedup", "length", "schema"])) == ["length", "schema", "dedup"]


@pytest.mark.parametrize(
    ("name", "defaults", "written"),
    [
        ("agreement", {"margin": 0.2}, {"margin": 0.5}),
        ("length", {"min_words": 1, "max_words": 1000}, {"min_words": 2, "max_words": 9}),
        ("judge", {"min_score": 3.0}, {"min_score": 4.5}),
    ],
)
def test_settings_are_the_recipes_or_their_defaults(
    name: str, defaults: dict[str, Any], written: dict[str, Any]
) -> None:
    assert built("rationale", [name])[name] == defaults
    assert built("rationale", [{name: written}])[name] == written


def test_refusals_are_looked_for_in_the_languages_of_the_seeds() -> None:
    def settings(languages: list[str], item: Any = "degenerate") -> dict[str, Any]:
        seeds = [
            dataclasses.replace(seed, language=code) for seed, code in zip(SEEDS, languages, strict=False)
        ]
        suite = build_suite(
            recipe("instruction", ["schema", item]).sources[0], [], SEEDS[:2], "b2:plan", seeds
        )
        return suite.single[1].settings

    plain = settings(["en", "zh"])
    assert plain == settings([]) == settings(["pl"]), "verdicts of before stay valid"
    assert settings(["en", "de", "fr"]) == {**plain, "languages": ["de", "fr"]}
    own = {"degenerate": {"refusals": ["Niestety", "Sajnálom"]}}
    assert settings(["en"], own) == {**plain, "refusals": ["Niestety", "Sajnálom"]}


def test_dedup_is_exact_unless_a_threshold_is_written() -> None:
    settings = built("instruction", ["dedup"])["dedup"]
    assert settings == {"threshold": None, "semantic": None}
    assert built("instruction", [{"dedup": {"threshold": 0.7}}])["dedup"] == {
        "threshold": 0.7,
        "semantic": None,
        "characters": 20_000,
    }


def test_the_encoder_that_decides_is_named_and_not_loaded_for_the_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("nothing is judged here")

    for made in ("dedup.SemanticIndex", "dedup.NearIndex", "decontamination._Index"):
        monkeypatch.setattr(f"factory.checks.{made}", refuse)
    checks = ["decontamination", {"dedup": {"semantic": 0.9, "threshold": 0.7}}]
    assert built("instruction", checks)["dedup"]["encoder"][:2] == [PACKAGE, VERSION]
    suite = build_suite(recipe("instruction", checks).sources[0], [], SEEDS[:2], "b2:plan")
    assert len(suite.keys) == 2
    with pytest.raises(AssertionError, match="nothing is judged"):
        suite.judge([judged("It is so.")])


def test_an_encoder_that_is_missing_is_told_before_anything_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda _: None)
    with pytest.raises(FactoryError, match="pip install"):
        built("instruction", [{"dedup": {"semantic": 0.9}}])


def test_new_instructions_are_compared_word_by_word_where_no_check_is_written() -> None:
    assert {kind: built(kind)["dedup"]["threshold"] for kind in KINDS} == {
        "tool_call": None,
        "function_call": None,
        "rationale": None,
        "instruction": 0.7,
        "label": None,
        "extract": None,
        "labelled": None,
    }


def test_what_is_kept_of_the_right_ones_is_the_datas() -> None:
    assert built("rationale")["selection"] == {"keep": "shortest", "most": 1}
    assert built("rationale", keep="shortest", max_kept=2)["selection"] == {"keep": "shortest", "most": 2}
    assert built("rationale", keep="diverse")["selection"] == {"keep": "diverse", "most": 3, "alike": 0.7}
    assert built("rationale", keep="diverse", max_kept=5)["selection"] == {
        "keep": "diverse",
        "most": 5,
        "alike": 0.7,
    }
    assert built("rationale", keep="all")["selection"] == {"keep": "all", "most": None}


def test_the_form_is_that_of_the_tools_or_of_the_kind() -> None:
    forms = [built(kind, ["schema"])["schema"]["form"] for kind in KINDS]
    assert len(set(forms)) == len(KINDS)
    assert forms[1:] == ["function_call", "rationale", "instruction", "label", "extract", "labelled"]
