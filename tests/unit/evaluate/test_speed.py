"""Speed is measured in rounds that are bounded in number and in seconds, and says in which number format."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from factory.context.plan import Plan
from factory.evaluate import measure as measuring
from factory.evaluate.candidate import Candidate
from factory.evaluate.metrics import perplexity, precision, weights
from factory.evaluate.metrics import speed as timing
from factory.evaluate.metrics.metric import Evaluation
from factory.evaluate.metrics.speed import ALONE, SECONDS, TOGETHER, TOKENS
from factory.inference.request import Answer, Request
from factory.tasks.sample import Task
from factory.tasks.scorer import Dialogue
from factory.tasks.taskset import Ask
from tests.support.scripted import edit, load, opened, own_tool

TASKS = [Task(f"b2:{number}", "en", "", f"Double {number}.", "2") for number in range(5)]
STUDENT = Candidate("student", "b2:student", "student", Path("student"), False, "", "")


class Bare:
    """A scorer that asks the bare question."""

    metrics: dict[str, str] = {}

    def put(self, candidate: Candidate, task: Task) -> Dialogue:
        yield Ask([{"role": "user", "content": task.question}])
        return {}

    def wanted(self, candidate: Candidate, task: Task) -> None:
        return None


class Slow:
    """A model, and the clock by which a call of it takes `seconds`."""

    def __init__(self, seconds: float, tokens: int = TOKENS):
        self.seconds, self.tokens, self.now = seconds, tokens, 0.0
        self.asked: list[list[Request]] = []

    def answer(self, requests: Iterable[Request | None]) -> Iterator[Answer]:
        some = [request for request in requests if request is not None]
        self.asked.append(some)
        self.now += self.seconds
        for request in some:
            yield Answer(request.key, "", "length", 9, self.tokens, self.seconds)


@pytest.fixture
def context(tmp_path: Path) -> Plan:
    own_tool(tmp_path)
    edit(tmp_path / "recipe.yaml", "held_out.jsonl}", "held_out.jsonl, repeats: 2}")
    return load(tmp_path)


def measured(context: Plan, model: Slow, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[float, int]]:
    monkeypatch.setattr(timing, "monotonic", lambda: model.now)
    evaluation = Evaluation(context, Bare(), STUDENT, TASKS, model, [])  # type: ignore[arg-type]
    return {name: (one.value, one.n) for name, one in timing.measure(evaluation).items()}


def test_a_fast_machine_measures_as_often_as_asked(context: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(context, model := Slow(0.5), monkeypatch)
    assert found["latency_p50_s"] == found["latency_p95_s"] == (0.5, 2 * ALONE)
    assert found["tokens_per_s_batch_1"] == (2 * TOKENS, 2 * ALONE)
    assert found["tokens_per_s_batch_32"] == (2 * TOKENS * TOGETHER, 2)
    keys = [request.key for some in model.asked for request in some]
    assert len(set(keys)) == len(keys) == 1 + 2 * ALONE + 3 * TOGETHER


def test_a_slow_machine_ends_sooner_and_says_how_often_it_measured(
    context: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two repeats: after twice the seconds nothing further begins. The first call is not counted.
    found = measured(context, Slow(SECONDS / 2), monkeypatch)
    assert found["latency_p50_s"] == (SECONDS / 2, 4)
    assert found["tokens_per_s_batch_32"][1] == 2


def test_the_slowest_machine_counts_one_round(context: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(context, model := Slow(100 * SECONDS), monkeypatch)
    assert {n for _, n in found.values()} == {1}
    assert [len(some) for some in model.asked] == [1, 1, TOGETHER, TOGETHER]


def test_nothing_is_said_of_a_model_that_every_question_is_too_long_for(
    context: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert measured(context, Slow(1.0, tokens=0), monkeypatch) == {}


@pytest.mark.parametrize(("runs", "bits"), [("bfloat16", 16), ("float32", 32)])
def test_what_is_measured_here_says_in_which_format(
    context: Plan, monkeypatch: pytest.MonkeyPatch, runs: str, bits: int
) -> None:
    monkeypatch.setattr(precision, "running_precision", lambda folder: runs)
    families = [family for family in measuring.FAMILIES if family not in (perplexity.FAMILY, weights.FAMILY)]
    monkeypatch.setattr(measuring, "FAMILIES", families)
    monkeypatch.setattr(measuring, "inspect", lambda folder: SimpleNamespace(weight_bytes=1, digest=""))
    edit(
        context.run.loaded.path,
        "evaluate:",
        "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\nevaluate:",
    )
    context = load(context.run.loaded.path.parent)
    with opened(context) as store:
        measuring.measure(context, store, STUDENT, Slow(0.1))
        rows = {row["metric"]: row for row in store.query("SELECT metric, value, n FROM evaluations")}
    assert rows["computed_bits"]["value"] == bits
    assert rows["tokens_per_s_batch_32"]["n"] == 2
