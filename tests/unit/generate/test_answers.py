"""What was answered is found again, however little of it is held at a time; and a way gone again is committed
on the way."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.context.plan import Plan
from factory.generate.answers import Answers
from factory.generate.check import check, unjudged
from factory.generate.scheduler import Scheduler, Update
from factory.generate.stage import generate
from factory.inference.request import Answer, Request
from factory.store.store import Store
from tests.support.scripted import Model, call, checks, column, count, edit, load, opened, project, proposing


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold next to nothing, and commit every answer."""
    monkeypatch.setattr("factory.generate.answers.GROUP_ROWS", 3)
    monkeypatch.setattr("factory.generate.answers.GROUPS", 1)
    monkeypatch.setattr("factory.generate.answers.RECENT", 1)
    monkeypatch.setattr("factory.generate.writer.BATCH_ROWS", 1)
    monkeypatch.setattr("factory.generate.writer.REPLAYED_ROWS", 1)


def known(context: Plan, store: Store) -> Answers:
    return Answers(store, context.run.teacher.name, context.run.teacher.revision)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_every_answer_is_found_in_whatever_order(
    little: None, tmp_path_factory: pytest.TempPathFactory, chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("answers")
    project(folder, "tool_call", "count: 12", more=checks("tool_call"))
    context = load(folder)
    with opened(context) as store:
        generate(context, store, Model(call))
        stored = {
            row["request_key"]: row["text"]
            for row in store.query("SELECT request_key, text FROM generations")
        }
        answers = known(context, store)
        for key in chance.sample(sorted(stored), len(stored)):
            found = answers.get(key)
            assert found is not None
            assert (found.key, found.text) == (key, stored[key])
        assert answers.get("no such key") is None
        assert Answers(store, "another", context.run.teacher.revision).get(next(iter(stored))) is None


def test_an_answer_that_is_no_longer_held_is_read_from_the_store(little: None, tmp_path: Path) -> None:
    project(tmp_path, "tool_call", "count: 12", more=checks("tool_call"))
    context = load(tmp_path)
    with opened(context) as store:
        answers = known(context, store)
        model = Model(call)
        generate(context, store, model)
        stored = column(store, "SELECT request_key FROM generations")
        for key in stored:
            answers.add(
                Answer(key, "as it was added", "stop", 1, 1, 0.1, token_ids=[1]), needs_logprobs=False
            )
        texts = [found.text for key in stored if (found := answers.get(key))]
        assert texts[-1] == "as it was added"
        assert len(texts) == len(stored)
        assert "as it was added" not in texts[:-1]
        last = answers.get(stored[-1])
        assert last is not None
        assert last.token_ids is None, "nobody weighs it"


def test_the_way_is_the_same_however_little_is_held(
    little: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(request: Request) -> str:
        # Proposals that are the same are answered once: the second asks for an answer that is no longer held.
        answer = '{"instruction": "Name all the colours of a rainbow.", "input": ""}'
        return answer if request.schema is not None and int(request.key[-1], 16) % 2 else proposing(request)

    project(tmp_path, "instruction", "count: 20", "examples: 2", more=checks("instruction", "dedup"))
    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(say, at_once=5))
        before = store.query("SELECT sample_id, position, verdicts FROM training_set ORDER BY position")
        silent = Model(say)
        generate(context, store, silent)
        assert silent.opened == 0
        assert (
            store.query("SELECT sample_id, position, verdicts FROM training_set ORDER BY position") == before
        )
        assert len(before) == 20


def test_a_way_gone_again_is_handed_on_and_committed_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project(tmp_path, "tool_call", "count: 40", more=checks("tool_call", "{dedup: {threshold: 0.8}}"))
    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(call))
    edit(path, "0.8", "0.9")
    monkeypatch.setattr("factory.generate.writer.REPLAYED_ROWS", 10)
    context = load(tmp_path)
    with opened(context) as store:
        told: list[Update] = []
        for _ in Scheduler(context, store, context.suite(), told.append, asking=False).open_requests():
            raise AssertionError
        assert sum(len(update.finished) for update in told) == count(store, "current_samples")
        assert max(len(update.finished) + len(update.judged) for update in told) <= 2
        before = count(store, "batches")
        check(context, store)
        new = column(store, f"SELECT count(*) FROM verdicts WHERE batch > {before} GROUP BY batch")
        assert len(new) > 3
        assert max(new) <= 11
        assert unjudged(context, store) == 0
