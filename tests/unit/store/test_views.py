"""The views, on a small store whose answers can be worked out by hand."""

import math
import random
from pathlib import Path
from typing import Any

import pytest

from factory.store.reader import ask
from factory.store.store import Store
from tests.support.sample_rows import AT, finished, generation, make_workspace, open_store

RUN = finished()["runs"][0] | {"check_keys": ["schema:1", "dedup:1"], "target_count": None}
SEED = finished()["seeds"][0]
NAMES = ("draw0", "draw1", "copy", "long")


def sample(name: str, position: int, **changed: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a sample that passes both checks."""
    about = {
        "seed_id": "b2:seed",
        "task_id": "b2:task",
        "language": "en",
        "question": "What is 14 times 12?",
        "reference": "14 * 12",
    }
    row = about | {
        "sample_id": name, "request_key": f"key-{name}", "kind": "tool_call", "messages": [], "tools": [],
        "result": "168", "answer": "168",
        "call": {"name": "calculator", "arguments": {}}, "dedup_key": name, "parents": ["b2:seed"],
        "family": "product",
    }  # fmt: skip
    row |= changed
    return {
        "plan_items": [
            {key: row[key] for key in about}
            | {"plan_id": "b2:plan", "position": position, "draw": position, "sample_id": name,
                "request_key": f"key-{name}"}
        ],
        "generations": [generation(f"key-{name}")],
        "samples": [row],
        "verdicts": [verdict(name, "schema"), verdict(name, "dedup")],
    }  # fmt: skip


def verdict(name: str, check: str, reason: str = "ok", **changed: Any) -> dict[str, Any]:
    return {
        "sample_id": name,
        "check_key": f"{check}:1",
        "check_name": check,
        "passed": reason == "ok",
        "reason": reason,
    } | changed


def person(name: str, number: int, reason: str = "ok", *, passed: bool | None = None) -> dict[str, Any]:
    """Return what a person said of a sample, the how manieth time."""
    return verdict(name, "person", reason) | {
        "check_key": f"person:{number:06}", "passed": reason == "ok" if passed is None else passed,
        "detail": "seen", "judged_at": AT,
    }  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Any:
    first = {"runs": [RUN], "seeds": [SEED]}
    parts = [
        sample("draw0", 0),
        sample("draw1", 1, result="26", answer="26"),
        sample("copy", 2),
        sample("long", 3, question="What? " * 50),
    ]
    parts[2]["verdicts"][1] |= {"passed": False, "reason": "near_duplicate", "detail": "draw0", "score": 0.9}
    with open_store(make_workspace(tmp_path, first, *parts)) as opened:
        yield opened


def names(store: Store, view: str = "training_set") -> list[str]:
    return [row["sample_id"] for row in store.query(f"SELECT sample_id FROM {view} ORDER BY position")]


def test_a_person_wins_over_the_checks_until_the_word_is_withdrawn(store: Store) -> None:
    assert names(store) == ["draw0", "draw1", "long"]
    store.commit(verdicts=[person("draw1", 0, "wrong"), person("copy", 0)])
    assert names(store) == ["draw0", "copy", "long"]
    rejected = store.query("SELECT sample_id, check_name, reason, detail FROM rejected")
    assert rejected == [{"sample_id": "draw1", "check_name": "person", "reason": "wrong", "detail": "seen"}]
    decided = {row["sample_id"]: row["decided_by"] for row in store.query("SELECT * FROM decisions")}
    assert decided == {"draw0": "checks", "draw1": "person", "copy": "person", "long": "checks"}
    (said,) = store.query("SELECT verdicts FROM training_set WHERE sample_id = 'copy'")
    assert [(one["check"], one["passed"]) for one in said["verdicts"]] == [
        ("dedup", False),
        ("person", True),
        ("schema", True),
    ]
    store.commit(
        verdicts=[person("draw1", 1, "withdrawn", passed=False), person("copy", 1, "withdrawn", passed=False)]
    )
    assert names(store) == ["draw0", "draw1", "long"]
    assert names(store, "rejected") == ["copy"]


def test_an_edited_sample_stands_in_the_place_of_the_first_one(store: Store) -> None:
    edited = sample("draw1", 1)["samples"][0] | {
        "sample_id": "edit",
        "parents": ["draw1"],
        "edited_from": "draw1",
    }
    again = edited | {"sample_id": "edit2", "parents": ["edit"]}
    store.commit(samples=[edited], verdicts=[person("draw1", 0, "edited"), person("edit", 0)])
    assert names(store) == ["draw0", "edit", "long"]
    store.commit(samples=[again], verdicts=[person("edit", 1, "edited"), person("edit2", 0)])
    assert names(store) == ["draw0", "edit2", "long"]
    assert store.query("SELECT position FROM current_samples WHERE sample_id = 'edit2'") == [{"position": 1}]


def test_no_more_than_the_run_wants(store: Store) -> None:
    store.commit(runs=[RUN | {"run_id": "b2:second", "target_count": 2}])
    assert names(store) == ["draw0", "draw1"]
    store.commit(verdicts=[person("draw0", 0, "wrong")])
    assert names(store) == ["draw1", "long"]


def test_a_sample_that_a_check_has_not_judged_is_nobodys_yet(store: Store) -> None:
    store.commit(**(sample("new", 4) | {"verdicts": [verdict("new", "schema")]}))
    assert "new" not in names(store)
    assert store.query("SELECT accepted, decided_by FROM decisions WHERE sample_id = 'new'") == [
        {"accepted": False, "decided_by": "nobody yet"}
    ]


def test_disagreements_duplicates_lengths(store: Store) -> None:
    (one,) = store.query(
        "SELECT question, draws, list_sort(outcomes) AS outcomes, accepted FROM disagreements"
    )
    assert one == {"question": one["question"], "draws": 4, "outcomes": ["168", "26"], "accepted": 3}
    assert store.query(
        "SELECT sample_id, kept_sample_id, kept_question, reason, similarity FROM near_duplicates"
    ) == [
        {
            "sample_id": "copy",
            "kept_sample_id": "draw0",
            "kept_question": "What is 14 times 12?",
            "reason": "near_duplicate",
            "similarity": 0.9,
        }
    ]
    assert store.query("SELECT sample_id, what, length, median FROM length_outliers") == [
        {"sample_id": "long", "what": "question", "length": 300, "median": 20.0}
    ]


def test_coverage_and_cost(store: Store) -> None:
    shown = {
        (row["dimension"], row["value"]): (row["samples"], row["accepted"], row["share"])
        for row in store.query("SELECT * FROM coverage")
    }
    assert shown == {
        ("language", "en"): (4, 3, 0.75), ("family", "product"): (4, 3, 0.75),
        ("tool", "calculator"): (4, 3, 0.75), ("seed", "s1"): (4, 3, 0.75),
    }  # fmt: skip
    (cost,) = store.query("SELECT * FROM cost")
    assert (cost["answers"], cost["accepted"], cost["completion_tokens"], cost["tokens_of_rejected"]) == (
        4,
        3,
        8,
        2,
    )
    assert cost["prompt_tokens_per_accepted"] == round(4 * 8 / 3, 1)


def test_an_answer_whose_sample_was_edited_is_paid_for_once_and_used(store: Store) -> None:
    edited = sample("draw1", 1)["samples"][0] | {
        "sample_id": "edit",
        "parents": ["draw1"],
        "edited_from": "draw1",
    }
    store.commit(samples=[edited], verdicts=[person("draw1", 0, "edited"), person("edit", 0)])
    costs = "SELECT answers, accepted, completion_tokens, tokens_of_rejected FROM cost"
    assert store.query(costs) == [
        {"answers": 4, "accepted": 3, "completion_tokens": 8, "tokens_of_rejected": 2}
    ]
    store.commit(verdicts=[person("edit", 1, "wrong")])
    assert store.query(costs) == [
        {"answers": 4, "accepted": 2, "completion_tokens": 8, "tokens_of_rejected": 4}
    ]


def test_a_sample_without_alternatives_is_learnt_and_says_that_there_are_none(store: Store) -> None:
    plain = sample("plain", 4) | {"generations": [generation("key-plain", topk_ids=None, topk_logprobs=None)]}
    bare = sample("bare", 5) | {
        "generations": [
            generation("key-bare", token_ids=None, token_logprobs=None, topk_ids=None, topk_logprobs=None)
        ]
    }
    store.commit(**plain)
    store.commit(**bare)
    counts = {
        row["sample_id"]: row["topk_tuples"]
        for row in store.query("SELECT sample_id, topk_tuples FROM training_set")
    }
    assert counts == {"draw0": 2, "draw1": 2, "long": 2, "plain": None, "bare": None}


def test_uncertainty_is_the_entropy_of_the_top_k_and_the_rest(store: Store) -> None:
    def entropy(*logprobs: float) -> float:
        rest = 1 - sum(map(math.exp, logprobs))
        return -sum(math.exp(value) * value for value in logprobs) - rest * math.log(rest)

    first, second = entropy(-0.5, -1.5), entropy(-0.25, -2.25)
    (row,) = store.query("SELECT * FROM uncertainty WHERE request_key = 'key-draw0'")
    assert row["tokens"] == 2
    assert row["mean_entropy"] == pytest.approx((first + second) / 2, abs=1e-6)
    assert row["highest_entropy"] == pytest.approx(max(first, second), abs=1e-6)
    assert (row["mean_margin"], row["lowest_margin"], row["mean_logprob"], row["lowest_logprob"]) == (
        1.5,
        1.0,
        -0.375,
        -0.5,
    )
    tokens = store.query(
        "SELECT place, token_id, margin, top_ids, entropy FROM token_uncertainty "
        "WHERE request_key = 'key-draw0' ORDER BY place"
    )
    assert [token.pop("entropy") for token in tokens] == pytest.approx([first, second], abs=1e-6)
    assert tokens == [
        {"place": 1, "token_id": 5, "margin": 1.0, "top_ids": [5, 7]},
        {"place": 2, "token_id": 6, "margin": 2.0, "top_ids": [6, 8]},
    ]  # fmt: skip


def test_entropy_of_a_cut_distribution_is_a_lower_bound_that_the_whole_one_reaches(store: Store) -> None:
    chance = random.Random(11)
    answers, true, cut = [], {}, {}
    for number in range(200):
        weights = sorted(
            (chance.random() ** chance.randrange(1, 20) for _ in range(chance.randrange(1, 40))), reverse=True
        )
        logprobs = [math.log(weight / sum(weights)) for weight in weights if weight > 0]
        kept = chance.randrange(1, len(logprobs) + 1)
        key = f"cut{number}"
        true[key] = -sum(math.exp(value) * value for value in logprobs)
        cut[key] = kept < len(logprobs)
        answers.append(
            generation(
                key, token_ids=[1], token_logprobs=logprobs[:1], topk_ids=[list(range(kept))],
                topk_logprobs=[logprobs[:kept]]
            )
        )  # fmt: skip
    store.commit(generations=answers)
    rows = store.query(
        "SELECT u.*, t.entropy FROM uncertainty u JOIN token_uncertainty t USING (request_key) "
        "WHERE request_key LIKE 'cut%'"
    )
    assert len(rows) == 200
    for row in rows:
        assert row["mean_entropy"] == row["highest_entropy"] == row["entropy"]
        assert -1e-6 <= row["entropy"] <= true[row["request_key"]] + 1e-4
        if not cut[row["request_key"]]:
            assert row["entropy"] == pytest.approx(true[row["request_key"]], abs=1e-4)


def test_an_alternative_without_any_probability_adds_nothing(store: Store) -> None:
    store.commit(generations=[generation("never", topk_logprobs=[[0.0, -math.inf], [0.0, -math.inf]])])
    (row,) = store.query(
        "SELECT mean_entropy, highest_entropy, lowest_margin FROM uncertainty WHERE request_key = 'never'"
    )
    assert row == {"mean_entropy": 0.0, "highest_entropy": 0.0, "lowest_margin": math.inf}
    tokens = store.query("SELECT DISTINCT entropy FROM token_uncertainty WHERE request_key = 'never'")
    assert tokens == [{"entropy": 0.0}]


def test_answers_without_logprobs_or_alternatives_have_no_uncertainty_of_that_kind(store: Store) -> None:
    store.commit(
        generations=[
            generation("none", token_logprobs=None, topk_ids=None, topk_logprobs=None),
            generation("certain", topk_ids=[[5], [6]], topk_logprobs=[[0.0], [0.0]]),
            generation("empty", token_ids=[], token_logprobs=[], topk_ids=[], topk_logprobs=[]),
        ]
    )
    assert store.query(
        "SELECT request_key, mean_entropy, mean_margin FROM uncertainty WHERE request_key NOT LIKE 'key-%'"
    ) == [{"request_key": "certain", "mean_entropy": 0.0, "mean_margin": None}]


def test_the_way_from_a_quantized_student_to_seeds_and_from_a_seed_to_models(store: Store) -> None:
    model = {"path": "x", "digest": "b2:d", "weight_bytes": 1, "about": {}}
    store.commit(
        artifacts=[
            model | {"artifact_id": "base", "kind": "model", "name": "base", "parents": []},
            model | {"artifact_id": "lora", "kind": "adapter", "name": "student", "parents": ["base"]},
            model | {"artifact_id": "int8", "kind": "quantized", "name": "student-int8", "parents": ["lora"]},
        ],
        artifact_samples=[{"artifact_id": "lora", "sample_id": "draw0", "role": "train"}],
    )
    seeds = store.query("SELECT DISTINCT seed, role FROM lineage WHERE artifact = 'student-int8'")
    assert seeds == [{"seed": "s1", "role": "train"}]
    models = store.query("SELECT DISTINCT artifact FROM lineage WHERE seed = 's1' ORDER BY 1")
    assert [row["artifact"] for row in models] == ["student", "student-int8"]


def test_models_that_name_each_other_as_parents_are_no_endless_way(store: Store) -> None:
    model = {"path": "x", "digest": "b2:d", "weight_bytes": 1, "about": {}, "kind": "model"}
    store.commit(
        artifacts=[
            model | {"artifact_id": "a", "name": "a", "parents": ["b"]},
            model | {"artifact_id": "b", "name": "b", "parents": ["a"]},
        ],
        artifact_samples=[{"artifact_id": "a", "sample_id": "draw0", "role": "train"}],
    )
    assert [row["artifact"] for row in store.query("SELECT artifact FROM lineage ORDER BY 1")] == ["a", "b"]


def test_runs_are_compared_by_what_their_checks_reject(store: Store) -> None:
    store.commit(runs=[RUN | {"run_id": "b2:second", "check_keys": ["schema:1"]}], stages=[
        {"run_id": "b2:second", "stage": "generate", "seconds": 2.5, "peak_memory_bytes": 1, "detail": ""},
    ])  # fmt: skip
    shown = [
        (row["checks"], row["samples"], row["rejected"], row["share"], row["seconds"])
        for row in store.query("SELECT * FROM runs_compared")
    ]
    assert shown == [(2, 4, 1, 0.75, None), (1, 4, 0, 1.0, 2.5)]


def judged(
    both_accept: int, both_reject: int, judge: int, person_alone: int, **scores: Any
) -> dict[str, Any]:
    """Return the verdicts of the check judge and of a person on samples of which so many are alike."""
    words = [(True, True)] * both_accept + [(False, False)] * both_reject
    words += [(True, False)] * judge + [(False, True)] * person_alone
    verdicts = []
    for place, (kept, accepted) in enumerate(words):
        score = {"score": 4.0 if kept else 1.5} | scores
        verdicts.append(verdict(f"s{place}", "judge", "ok" if kept else "low_score") | score)
        verdicts.append(person(f"s{place}", 0, "ok" if accepted else "wrong"))
    return {"verdicts": verdicts}


@pytest.fixture
def reviewed(tmp_path: Path) -> Any:
    first = {"runs": [RUN | {"check_keys": ["schema:1", "judge:1"]}], "seeds": [SEED]}
    with open_store(make_workspace(tmp_path, first)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("counts", "agreement", "kappa"),
    [
        # By hand: 35 of 50 alike, chance (25 * 30 + 25 * 20) / 2500 = 0.5.
        ((20, 15, 5, 10), 0.7, 0.4),
        ((6, 6, 0, 0), 1.0, 1.0),
        ((0, 0, 5, 5), 0.0, -1.0),
        ((5, 5, 5, 5), 0.5, 0.0),
        ((10, 0, 0, 0), 1.0, None),
        # The judge accepts all: no better than chance.
        ((8, 0, 4, 0), 0.6667, 0.0),
    ],
)
def test_the_judge_agrees_with_a_person_beyond_chance(
    reviewed: Store, counts: tuple[int, int, int, int], agreement: float, kappa: float | None
) -> None:
    reviewed.commit(**judged(*counts))
    (row,) = reviewed.query("SELECT * FROM judge_agreement")
    assert (row["samples"], row["agreement"], row["kappa"]) == (sum(counts), agreement, kappa)
    assert (row["both_accept"], row["both_reject"]) == counts[:2]
    assert (row["note"] == "") is (kappa is not None)


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (5, 4, 0, 0)])
def test_of_few_samples_nothing_is_said(reviewed: Store, counts: tuple[int, int, int, int]) -> None:
    reviewed.commit(**judged(*counts))
    (row,) = reviewed.query("SELECT * FROM judge_agreement")
    assert (row["samples"], row["agreement"], row["kappa"]) == (sum(counts), None, None)
    assert row["note"].startswith("too few")
    assert len(reviewed.query("SELECT * FROM judge_agreement WHERE samples > 0")) == (sum(counts) > 0)


def test_what_was_not_scored_or_is_of_another_run_is_not_the_judges(reviewed: Store) -> None:
    reviewed.commit(**judged(10, 0, 0, 0, score=None))
    reviewed.commit(
        verdicts=[verdict(f"s{place}", "judge", score=4.0, check_key="judge:2") for place in range(9)]
    )
    assert reviewed.query("SELECT samples FROM judge_agreement") == [{"samples": 0}]


def test_a_word_that_was_withdrawn_does_not_count(reviewed: Store) -> None:
    reviewed.commit(**judged(6, 6, 0, 0))
    reviewed.commit(verdicts=[person("s0", 1, "withdrawn", passed=False), person("s1", 1, "wrong")])
    (row,) = reviewed.query("SELECT samples, both_accept, only_judge_accepts FROM judge_agreement")
    assert row == {"samples": 11, "both_accept": 4, "only_judge_accepts": 1}


def test_every_view_can_be_asked_for_by_the_locked_down_reader(tmp_path: Path) -> None:
    path = make_workspace(tmp_path).store
    views = [view for (view,) in ask(path, "SELECT view_name FROM duckdb_views() WHERE NOT internal").rows]
    sql = " UNION ALL ".join(f"(SELECT '{view}' AS view, count(*) AS rows FROM {view})" for view in views)
    assert {view for view, _ in ask(path, sql).rows} == set(views) != set()


def test_a_store_from_before_learns_how_sure_the_teacher_was(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    with open_store(workspace) as store:
        before = store.query("SELECT * FROM uncertainty ORDER BY request_key")
        store._connection.execute("DELETE FROM uncertainty")
        store._connection.execute("COMMENT ON TABLE migrations IS 'as another factory left it'")
    with open_store(workspace) as store:
        assert store.query("SELECT * FROM uncertainty ORDER BY request_key") == before != []
