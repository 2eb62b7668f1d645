"""The checks of a recipe are those of its kind, or those that it names with its settings."""

from typing import Any

import pytest

from factory.checks.registry import build_jury
from factory.recipe.checks import DEFAULT
from factory.recipe.model import Recipe
from tests.tasks.calculator import CALCULATOR, SEEDS


def recipe(kind: str, checks: list[Any] | None = None, *, evaluate: bool = True, **data: Any) -> Recipe:
    about: dict[str, Any] = {"kind": kind, "seeds": "s", "count": 1, **({"tools": "t"} if kind == "tool_call" else {}), **data}
    written = {"name": "tiny", "teacher": {"model": "smollm2-135m-instruct"}, "data": about}
    if checks is not None:
        written["checks"] = checks
    if evaluate:
        written["evaluate"] = {"held_out": "h"}
    return Recipe.model_validate(written)


def built(kind: str, checks: list[Any] | None = None, **about: Any) -> dict[str, dict[str, Any]]:
    """Return the settings of the checks that are built, by name, in the order in which they judge."""
    tools = CALCULATOR if kind == "tool_call" else []
    jury = build_jury(recipe(kind, checks, **about), tools, SEEDS[:2], "b2:plan")
    return {check.name: check.settings for check in (*jury.single, *jury.draws, *jury.stream)}


@pytest.mark.parametrize("kind", DEFAULT)
def test_what_a_kind_is_checked_by(kind: str) -> None:
    extra = {"selection"} if kind == "rationale" else set()
    assert set(built(kind)) == set(DEFAULT[kind]) | extra
    # There is nothing held out where nothing is evaluated.
    assert set(built(kind, evaluate=False)) == set(DEFAULT[kind]) - {"decontamination"} | extra


def test_draws_are_compared_after_single_samples_and_the_stream_last() -> None:
    assert list(built("rationale", ["dedup", "agreement", "schema"])) == ["schema", "agreement", "selection", "dedup"]
    assert list(built("instruction", ["dedup", "length", "schema"])) == ["length", "schema", "dedup"]


@pytest.mark.parametrize(
    ("name", "defaults", "written"),
    [
        ("agreement", {"margin": 0.2}, {"margin": 0.5}),
        ("length", {"min_words": 1, "max_words": 1000}, {"min_words": 2, "max_words": 9}),
        ("judge", {"min_score": 3.0}, {"min_score": 4.5}),
    ],
)
def test_settings_are_the_recipes_or_their_defaults(name: str, defaults: dict[str, Any], written: dict[str, Any]) -> None:
    assert built("rationale", [name])[name] == defaults
    assert built("rationale", [{name: written}])[name] == written


def test_dedup_is_exact_unless_a_threshold_is_written() -> None:
    settings = built("instruction", ["dedup"])["dedup"]
    assert settings == {"threshold": None, "semantic": None}
    assert built("instruction", [{"dedup": {"threshold": 0.7}}])["dedup"]["threshold"] == 0.7


def test_what_is_kept_of_the_right_ones_is_the_datas() -> None:
    assert built("rationale")["selection"] == {"keep": "shortest", "most": 1}
    assert built("rationale", keep="diverse", most=3)["selection"] == {"keep": "diverse", "most": 3}


def test_the_form_is_that_of_the_tools_or_of_the_kind() -> None:
    forms = [built(kind, ["schema"])["schema"]["form"] for kind in DEFAULT]
    assert len(set(forms)) == len(DEFAULT)
    assert forms[1:] == ["rationale", "instruction"]
