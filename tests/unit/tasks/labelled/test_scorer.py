"""Held-out conversations are put up to their last question, history and system prompt kept, and go on as long
as the model calls what the reference calls."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from factory.chat_formats.formats import FORMATS
from factory.evaluate.candidate import Candidate
from factory.evaluate.measure import measure
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.tasks.labelled.scorer import ConversationScorer
from factory.tasks.sample import Task
from tests.support.conversations import TOOLS, called, plain, user, with_call, write
from tests.support.scripted import HEAD, Model, load, opened
from tests.support.seeds import load_seeds

HERMES = FORMATS["hermes"]
STUDENT = SimpleNamespace(few_shot=False, role="student")


def seeds(folder: Path, *rows: Any) -> list[Seed]:
    return load_seeds(write(folder / "held.jsonl", list(rows)), "labelled").seeds


def played(held_out: list[Seed], *texts: str, place: int = 0) -> tuple[list[Any], dict[str, Any] | None]:
    seed = held_out[place]
    task = Task(seed.seed_id, seed.language, "", seed.question, seed.reference)
    dialogue = ConversationScorer(held_out, HERMES).put(STUDENT, task)
    asks = [next(dialogue)]
    for text in texts:
        try:
            asks.append(dialogue.send(Answer("k", text, "stop", 1, 1, 0.0)))
        except StopIteration as end:
            return asks, end.value
    return asks, None


def written(*calls: Any) -> str:
    return "\n".join("".join(HERMES.write_call(call)) + HERMES.call_end for call in calls)


CALL = {"name": "find_order", "arguments": {"number": 4711}}


def test_history_and_system_prompt_are_put_and_the_words_are_compared(tmp_path: Path) -> None:
    held_out = seeds(tmp_path, plain("bells"))
    (ask,), ended = played(held_out, "the CHEAPEST of our bells\n cost 5 euros.")
    assert [message["role"] for message in ask.messages] == ["system", "user", "assistant", "user"]
    assert all("weight" not in message for message in ask.messages) and ask.tools is None
    assert ended is not None and (ended["parsed"], ended["right_answer"]) == (True, True)
    for text, parsed in (("It costs 5 euros.", True), ("", False), (written(CALL), False)):
        _, ended = played(held_out, text)
        assert ended is not None and (ended["parsed"], ended["right_answer"]) == (parsed, False)


def test_the_references_results_are_handed_back_while_its_calls_are_made(tmp_path: Path) -> None:
    held_out = seeds(tmp_path, with_call(4711))
    asks, ended = played(held_out, written(CALL), "Order 4711 was sent to you already.")
    assert [len(ask.messages) for ask in asks] == [2, 4] and asks[0].tools == TOOLS
    assert ended is not None
    assert (ended["call"], ended["same_call"], ended["right_answer"]) == ([[CALL]], True, True)
    _, ended = played(held_out, written(CALL), "It is lost.")
    assert ended is not None and (ended["same_call"], ended["right_answer"]) == (True, False)
    other = CALL | {"arguments": {"number": 4712}}
    for text in (written(other), written(CALL, CALL), "Order 4711 was sent to you already."):
        asks, ended = played(held_out, text)
        assert len(asks) == 1 and ended is not None
        assert (ended["same_call"], ended["right_answer"]) == (False, False)


def test_only_text_is_read_for_perplexity_and_calls_are_a_figure_where_there_are_any(tmp_path: Path) -> None:
    held_out = seeds(tmp_path, plain("bells"), {"messages": [user("Order 7?"), called(7)], "tools": TOOLS})
    scorer = ConversationScorer(held_out, HERMES)
    tasks = [Task(seed.seed_id, "en", "", seed.question, seed.reference) for seed in held_out]
    wanted = [scorer.wanted(STUDENT, task) for task in tasks]
    assert wanted == [("", "The cheapest of our bells cost 5 euros."), None]
    assert "tool_call_accuracy" in scorer.metrics
    assert "tool_call_accuracy" not in ConversationScorer(held_out[:1], HERMES).metrics


def test_accuracy_and_mean_length_of_a_model_are_measured(tmp_path: Path) -> None:
    write(tmp_path / "seeds.jsonl", [plain("pumps")])
    write(tmp_path / "held.jsonl", [plain("bells"), plain("locks"), with_call(4711)])
    (tmp_path / "recipe.yaml").write_text(
        HEAD + "data: {kind: labelled, seeds: seeds.jsonl, count: 9}\nevaluate: {held_out: held.jsonl}\n"
        "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n"
    )
    candidate = Candidate("student", "b2:student", "student", tmp_path, False, "", "")
    plan = load(tmp_path)
    with opened(plan) as store:
        says = Model(lambda _: "The cheapest of our bells cost 5 euros.")
        told = measure(plan, store, candidate, says, local=False)
        found = {row["metric"]: row["value"] for row in store.query("SELECT metric, value FROM evaluations")}
    assert told.startswith("student: 33.3% right")
    assert found["answer_length"] == 8 and found["parse_rate"] == 1
    assert found["tool_call_accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "text", ["<tool_call>", "<tool_call>{}</tool_call>", "\0", "a" * 30_000, "<|im_end|>"]
)
def test_a_hostile_answer_is_wrong_and_no_exception(tmp_path: Path, text: str) -> None:
    for place in (0, 1):
        _, ended = played(seeds(tmp_path, with_call(4711), plain("bells")), text, place=place)
        assert ended is not None and not ended["right_answer"] and not ended["parsed"]
