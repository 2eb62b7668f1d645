"""What a recipe may say of distillation, and the combinations that are refused with their lines."""

import pytest

from factory.recipe import load_recipe
from tests.unit.recipe.conftest import PLAIN, Bend, Write, faults

CURRICULUM = [{"until": 0.5, "top_k": 3}, {"temperature": 2.0}]


def _stage(bend: Bend, distill: dict, **changes: object):
    return bend({"student.stages": [{"distill": {"steps": 20, **distill}}], **changes})


@pytest.mark.parametrize(
    "distill",
    [
        {"curriculum": CURRICULUM},
        {
            "teacher": "cache",
            "curriculum": CURRICULUM,
            "cache_gb": 1.5,
            "hidden": {"layers": [[8, 8], [12, 16]]},
        },
        {"teacher": "stored", "top_k": 5, "tail": "renormalize"},
        {"teacher": "stored", "top_k": {"start": 3, "end": 20}},
        {"teacher": "stored", "temperature": {"start": 1, "end": 2}},
        {"curriculum": [{"until": 0.5, "top_k": 3, "temperature": 0.8}, {}]},
        {
            "temperature": {"start": 1, "end": 4},
            "weight": {"start": 0, "peak": 0.9, "end": 0.1, "warmup": 0.2, "decay": 0.3},
        },
        {"on_policy": 0.5, "beta": 0.5},
        {"random_k": 12},
        {"mix": "add", "bound": 0.5, "trust": False, "focus": 0.5, "behind": 0.3, "interpolate": "taid"},
        {"mix": "share"},
        {"curriculum": [{"until": {"top1": 0.9}}, {"until": {"top1": 0.95, "share": 0.8}}, {}]},
        {"hidden": {"depths": [0.5, 1], "loss": "mse", "weight": 0.1}},
    ],
)
def test_a_stage_that_makes_sense_is_taken(bend: Bend, distill: dict) -> None:
    recipe = load_recipe(_stage(bend, distill)).recipe
    assert recipe.student is not None
    (stage,) = recipe.student.stages
    assert stage.settings.steps == 20


def test_stored_logprobs_need_no_teacher_that_runs_here(bend: Bend) -> None:
    served = {"teacher.endpoints": ["http://one/v1"]}
    load_recipe(_stage(bend, {"teacher": "stored"}, **served))
    assert "teacher.endpoints is set" in faults(_stage(bend, {"teacher": "cache"}, **served))[0]


@pytest.mark.parametrize(
    ("distill", "where", "message"),
    [
        (
            {"teacher": "store"},
            "teacher",
            "'store' is not one of in_process, cache, stored; did you mean 'stored'?",
        ),
        ({"curriculum": [{"top_k": 3}, {}]}, "curriculum[0].until", "only the last phase has no end"),
        ({"curriculum": [{"until": 0.5}]}, "curriculum[0].until", "the last phase ends with the stage"),
        (
            {"curriculum": [{"until": 0.5}, {"until": 0.5}, {}]},
            "curriculum[1].until",
            "must be greater than that of the phase before",
        ),
        ({"curriculum": [{"until": 1.5}, {}]}, "curriculum[0].until", "must be less than 1"),
        ({"curriculum": CURRICULUM, "top_k": 3}, "top_k", "cannot be set with curriculum"),
        (
            {"curriculum": [{"until": 0.5, "topk": 3}, {}]},
            "curriculum[0].topk",
            "unknown key; did you mean 'top_k'?",
        ),
        (
            {"curriculum": [{"until": 0.5, "top_k": 3, "random_k": 3}, {}]},
            "curriculum[0].random_k",
            "set either top_k or random_k",
        ),
        ({"teacher": "stored", "top_k": {"start": 3, "end": 3.5}}, "top_k.end", "must be a whole number"),
        ({"teacher": "stored", "random_k": 5}, "random_k", "not with teacher: stored"),
        ({"teacher": "stored", "hidden": {}}, "hidden", "not with teacher: stored"),
        ({"teacher": "stored", "on_policy": 0.5}, "on_policy", "not with teacher: stored"),
        ({"teacher": "stored", "beta": 0.5}, "beta", "need the whole distribution"),
        ({"teacher": "in_process", "top_k": 3}, "teacher", "no teacher is needed; write teacher: stored"),
        ({"teacher": "cache", "on_policy": 0.5}, "on_policy", "was never cached"),
        ({"on_policy": 0.5, "curriculum": CURRICULUM}, "curriculum[0].top_k", "has no stored top k"),
        ({"cache_gb": 2}, "cache_gb", "only with teacher: cache"),
        ({"tail": "drop"}, "tail", "no phase has a top k"),
        ({"hidden": {"layers": [[8, 8]], "depths": [0.5]}}, "hidden.depths", "set either layers or depths"),
        ({"hidden": {"layers": [[8]]}}, "hidden.layers[0][1]", "required, but missing"),
        ({"weight": {"start": 0, "end": 2}}, "weight.end", "must be at most 1"),
        ({"weight": {"start": 0}}, "weight.end", "required, but missing"),
        ({"weight": {"start": 0, "end": 1, "decay": 0.5}}, "weight.decay", "only with peak"),
        (
            {"weight": {"start": 0, "peak": 1, "end": 0, "warmup": 0.6, "decay": 0.6}},
            "weight",
            "more than the whole",
        ),
        ({"weight": {"start": 0, "finish": 1, "end": 1}}, "weight.finish", "unknown key"),
        ({"weight": "much"}, "weight", "must be a number, not text"),
        ({"temperature": 0}, "temperature", "must be greater than 0"),
        ({"mix": "share", "bound": 2}, "bound", "only with mix: add"),
        ({"bound": 0}, "bound", "must be greater than 0"),
        ({"mix": "sum"}, "mix", "'sum' is not one of add, share"),
        (
            {"teacher": "stored", "tail": "drop", "interpolate": "taid"},
            "interpolate",
            "only with tail: bucket",
        ),
        ({"focus": 1.5}, "focus", "must be at most 1"),
        ({"curriculum": [{"until": {"top1": 2}}, {}]}, "curriculum[0].until.top1", "must be at most 1"),
        ({"curriculum": [{"until": {"share": 0.5}}, {}]}, "curriculum[0].until.top1", "required, but miss"),
        ({"curriculum": [{"until": {"top1": 0.9}}]}, "curriculum[0].until", "the last phase ends with"),
        (
            {"curriculum": [{"until": 0.5}, {"until": {"top1": 0.9, "share": 0.4}}, {}]},
            "curriculum[1].until.share",
            "must be greater than that of the phase before",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(bend: Bend, distill: dict, where: str, message: str) -> None:
    told = [
        line for line in faults(_stage(bend, distill)) if f": student.stages[0].distill.{where}: " in line
    ]
    assert len(told) == 1, faults(_stage(bend, distill))
    assert message in told[0]


def test_more_than_is_stored_cannot_be_learnt(bend: Bend) -> None:
    few = {"teacher.logprobs": 5}
    path = _stage(bend, {"curriculum": [{"until": 0.5, "top_k": {"start": 3, "end": 8}}, {}]}, **few)
    (told,) = faults(path)
    assert told.endswith("curriculum[0].top_k: asks for 8 likeliest tokens, and teacher.logprobs keeps 5")


def test_the_line_is_that_of_the_key(write: Write) -> None:
    text = PLAIN.replace(
        "    - distill: {steps: 1}\n",
        "    - distill:\n        steps: 1\n        teacher: stored\n        beta: 0.5\n",
    )
    line = text[: text.index("beta")].count("\n") + 1
    (told,) = faults(write(text))
    assert told.startswith(f"{line}: student.stages[1].distill.beta: other divergences than forward KL")


@pytest.mark.parametrize(
    "hostile", [[], "x", 3, True, {"a": 1}, [[]], [{"until": "x"}, {"top_k": "many"}], [None]]
)
@pytest.mark.parametrize(
    "key", ["curriculum", "hidden", "weight", "top_k", "temperature", "teacher", "on_policy", "beta"]
)
def test_no_value_breaks_the_rules(bend: Bend, key: str, hostile: object) -> None:
    path = _stage(bend, {key: hostile})
    try:
        load_recipe(path)
    except Exception as error:
        assert type(error).__name__ == "InputError"
