"""One learning rate and one optimizer over the stages of training: the rates are those of one long stage, and
the second stage goes on with the moments of the first."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from transformers.optimization import get_cosine_schedule_with_warmup  # noqa: E402

from factory.recipe.training import Sft  # noqa: E402
from factory.student.learning_rate import rates  # noqa: E402
from factory.student.optimizer_state import keep, read, take_on  # noqa: E402


def _curve(stages: list[Sft], *, one: bool = True) -> list[float]:
    return [
        rate(step)
        for stage, rate in zip(stages, rates(stages, one=one), strict=True)
        for step in range(stage.steps)
    ]


def test_sixty_and_forty_steps_have_the_rates_of_a_hundred() -> None:
    assert _curve([Sft(steps=60), Sft(steps=40)]) == _curve([Sft(steps=100)])


@given(steps=st.lists(st.integers(1, 50), min_size=1, max_size=5), warmup=st.floats(0, 0.5))
def test_under_one_schedule_only_the_sum_of_the_steps_counts(steps: list[int], warmup: float) -> None:
    found = _curve([Sft(steps=count, warmup=warmup) for count in steps])
    assert found == pytest.approx(_curve([Sft(steps=sum(steps), warmup=warmup)]))
    assert all(0 < share <= 1 for share in found)
    top = found.index(max(found))
    assert found[:top] == sorted(found[:top]) and found[top:] == sorted(found[top:], reverse=True)


def test_each_stage_has_its_own_where_the_recipe_says_so() -> None:
    stages = [Sft(steps=20), Sft(steps=10)]
    assert _curve(stages, one=False) == _curve(stages[:1]) + _curve(stages[1:])


def test_after_the_warm_up_it_is_the_cosine_of_transformers() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_cosine_schedule_with_warmup(optimizer, 10, 100).lr_lambdas[0]
    ours = _curve([Sft(steps=100)])
    assert ours[10:] == pytest.approx([theirs(step) for step in range(10, 100)])
    assert ours[0] > 0 == theirs(0)


def _model(width: int = 3) -> torch.nn.Module:
    torch.manual_seed(width)
    return torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.Linear(width, 2))


def _optimizer(model: torch.nn.Module, *extra: torch.nn.Parameter) -> torch.optim.Optimizer:
    groups = [{"params": [p for p in model.parameters() if p.dim() > 1] + list(extra)}]
    return torch.optim.AdamW([*groups, {"params": [p for p in model.parameters() if p.dim() == 1]}])


def _stepped(model: torch.nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> Path:
    model(torch.ones(5, 4)).square().sum().backward()
    optimizer.step()
    folder.mkdir()
    torch.save(optimizer.state_dict(), folder / "optimizer.pt")
    return folder


def test_the_state_is_found_by_name_whatever_stood_beside_it(tmp_path: Path) -> None:
    model = _model()
    # What one stage trained for itself alone comes first: all others have another place afterwards.
    model[0].hidden_projections = torch.nn.Linear(3, 3, bias=False)
    own = model[0].hidden_projections.weight
    optimizer = torch.optim.AdamW([{"params": [own, *(p for p in model.parameters() if p is not own)]}])
    own.square().sum().backward()
    keep(model, optimizer, _stepped(model, optimizer, tmp_path / "checkpoint-1"), tmp_path / "kept")
    kept = read(tmp_path / "kept")
    assert set(kept) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    del model[0].hidden_projections
    other = _optimizer(model)
    assert take_on(model, other, kept) == 4
    for name, parameter in model.named_parameters():
        assert torch.equal(other.state[parameter]["exp_avg"], kept[name]["exp_avg"])
        assert other.state[parameter]["step"] == 1


def test_what_does_not_fit_begins_afresh(tmp_path: Path) -> None:
    model = _model()
    optimizer = _optimizer(model)
    keep(model, optimizer, _stepped(model, optimizer, tmp_path / "checkpoint-1"), tmp_path / "kept")
    assert read(tmp_path / "nowhere") == {}
    for kept, wider, found in (
        ({}, _model(), 0),
        (read(tmp_path / "kept"), _model(7), 1),  # the last bias alone is of one size
        ({f"other.{name}": state for name, state in read(tmp_path / "kept").items()}, _model(), 0),
    ):
        fresh = _optimizer(wider)
        assert take_on(wider, fresh, kept) == found
        assert len(fresh.state) == found
