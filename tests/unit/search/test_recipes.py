"""What a choice makes of a recipe, and what a recipe may not say of its search."""

import itertools
from pathlib import Path

import pytest
import yaml

from factory.errors import InputError
from factory.recipe import load_recipe
from factory.recipe.search import Search, chosen

ROOT = Path(__file__).parents[3]
SPACE = {
    "rank": [4, 16], "layers": [0, 0.25], "mlp": [0, 0.25], "vocabulary": [0, 12000],
    "quantize": ["none", "w8a8-static", "w8a8-dynamic", "w4a16", "mixed"],
}  # fmt: skip


def _recipe(folder: Path, **changes: object) -> Path:
    recipe = yaml.safe_load((ROOT / "pipelines" / "calculator.yaml").read_text()) | changes
    for part, key in (("data", "seeds"), ("data", "tools"), ("evaluate", "held_out")):
        if part in recipe and recipe[part]:
            recipe[part][key] = str(ROOT / recipe[part][key])
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in recipe.items() if value is not None}))
    return path


@pytest.mark.parametrize(
    "compress",
    [
        None,
        {
            "quantize": "mixed",
            "bits": 5,
            "group_size": 64,
            "calibration_samples": 16,
            "max_accuracy_drop": 0.1,
        },
    ],
)
def test_every_combination_is_a_recipe(tmp_path: Path, compress: dict | None) -> None:
    plain = load_recipe(_recipe(tmp_path, search=SPACE, compress=compress)).recipe.model_dump(
        mode="json", exclude_unset=True
    )
    for values in itertools.product(*Search.model_validate(SPACE).space.values()):
        choice = dict(zip(SPACE, values, strict=True))
        path = tmp_path / "trial.yaml"
        path.write_text(yaml.safe_dump(chosen(plain, choice)))
        recipe = load_recipe(path).recipe
        assert recipe.search is None
        assert recipe.student is not None and recipe.student.adapter.rank == choice["rank"]  # type: ignore[union-attr]
        made = recipe.compress
        nothing = (
            not choice["layers"]
            and not choice["mlp"]
            and not choice["vocabulary"]
            and choice["quantize"] == "none"
        )
        assert (made is None) == nothing
        if made is not None:
            assert (made.quantize or "none") == choice["quantize"]
            assert (made.vocabulary or 0) == choice["vocabulary"]
            assert (made.prune.layers if made.prune else 0) == choice["layers"]
            assert made.max_accuracy_drop is None


@pytest.mark.parametrize(
    "written", [{"width": 0.5}, {"width": 0.5, "layers": 0.25}, {"heads": 0.4, "calibration_samples": 8}]
)
def test_what_is_not_chosen_stays_as_it_is(tmp_path: Path, written: dict) -> None:
    space = {"quantize": ["none", "w8a8-dynamic"]}
    plain = load_recipe(_recipe(tmp_path, search=space, compress={"prune": written})).recipe.model_dump(
        mode="json", exclude_unset=True
    )
    for quantize in space["quantize"]:
        assert chosen(plain, {"quantize": quantize})["compress"]["prune"] == written
    if "width" in written:
        assert chosen(plain, {"layers": 0.0})["compress"]["prune"]["width"] == 0.5


@pytest.mark.parametrize(
    ("search", "others", "message"),
    [
        ({"trials": 3}, {}, "has no effect"),
        ({"quantize": ["none", "none"]}, {}, "names a value twice"),
        ({"quantize": ["int3"]}, {}, "search.quantize"),
        ({"layers": [0.6]}, {}, "search.layers"),
        ({"rank": [4]}, {"student": None, "compress": None}, "needs student and evaluate"),
        ({"rank": [4]}, {"evaluate": None, "checks": ["schema", "execution"]}, "needs student and evaluate"),
    ],
)
def test_what_makes_no_search_is_refused(tmp_path: Path, search: dict, others: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_recipe(_recipe(tmp_path, search=search, **others))
