"""Labelled conversations are checked, stored and handed to the student whole, and nobody is asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.context.plan import Plan
from factory.context.training_set import TrainingSet
from factory.errors import InputError
from factory.generate import dry_run
from factory.generate.check import check, unjudged
from factory.generate.stage import generate, is_owed
from factory.review.samples import Samples
from tests.support.command import typed
from tests.support.conversations import ALL, TOOLS, called, plain, result, said, user, with_call, write
from tests.support.scripted import HEAD, Model, count, load, opened

MAIL, KEY, PHONE = "anna.berg@example.org", "sk-proj-Ab3dEf6hIj9lMn2pQr5t", "+49 30 90182034"


def nobody() -> Any:
    raise AssertionError("a model was opened")


def project(folder: Path, rows: list[Any], *data: str, more: str = "checks: [schema, dedup]\n") -> Plan:
    write(folder / "seeds.jsonl", rows)
    lines = ["kind: labelled", "seeds: seeds.jsonl", "count: 100", *data]
    (folder / "recipe.yaml").write_text(HEAD + "data:\n" + "".join(f"  {line}\n" for line in lines) + more)
    return load(folder)


def stored(plan: Plan) -> list[dict[str, Any]]:
    with opened(plan) as store:
        generate(plan, store, nobody)
        return store.query(
            "SELECT s.*, v.reason, v.detail FROM current_samples s JOIN verdicts v USING (sample_id) "
            "WHERE v.check_name = 'schema' ORDER BY position"
        )


def test_whole_conversations_are_kept_and_nobody_is_asked(tmp_path: Path) -> None:
    plan = project(tmp_path, [plain("bells"), with_call(4711)])
    with opened(plan) as store:
        assert "2 samples accepted" in generate(plan, store, nobody)
        assert not is_owed(plan, store) and unjudged(plan, store) == 0
        assert [count(store, table) for table in ("generations", "attempts", "turns")] == [0, 0, 0]
        assert "2 of 2 samples accepted" in check(plan, store)
        (end,) = store.query("SELECT requests, tokens, accepted FROM plan_ends")
        assert end == {"requests": 0, "tokens": 0, "accepted": 2}
        (_, talk), (_, ordered) = TrainingSet(store).conversations()
        assert TrainingSet(store).answers([]) == {}  # what training asks for
    assert [message["content"] for message in talk.messages] == [
        message["content"] for message in plain("bells")["messages"]
    ]
    assert [(place, origin.by) for place, origin in talk.turns] == [(4, "person")]
    roles = [message["role"] for message in ordered.messages]
    assert roles == ["system", "user", "assistant", "tool", "assistant"]
    assert [place for place, _ in ordered.turns] == [2, 4]
    assert ordered.tools == TOOLS and talk.tools == []
    assert ordered.messages[3]["tool_call_id"] == ordered.messages[2]["tool_calls"][0]["id"]


def test_a_second_run_finds_nothing_to_do_and_new_rows_are_added(tmp_path: Path) -> None:
    stored(project(tmp_path, [plain("bells")]))
    with opened(again := load(tmp_path)) as store:
        assert not is_owed(again, store)
    assert len(stored(project(tmp_path, [plain("bells"), plain("locks")]))) == 2


@pytest.mark.parametrize(
    ("messages", "reason", "detail"),
    [
        ([said("Hello."), user("Hi.")], "wrong_shape", "message 1: a turn of the assistant at first"),
        ([user("Hi."), user("Hi?"), said("Yes.")], "wrong_shape", "message 2: a turn of the user"),
        ([user("Hi."), said("Yes."), user("No?")], "wrong_shape", "ends with a turn of the user"),
        ([user("Hi."), result("1"), said("Yes.")], "wrong_shape", "message 2: a turn of the tool"),
        ([user("Order 7?"), called(7), said("Sent.")], "wrong_shape", "message 3: a turn of"),
        ([user("Order 7?"), called(7), result("1", id="no"), said("Ok.")], "wrong_shape", "answers no call"),
        ([user("Hi."), said("Yes.", weight=0)], "wrong_shape", "all have the weight 0"),
        ([user("Order 7?"), called(7, name="delete_all")], "unknown_tool", "delete_all"),
        ([user("Order 7?"), called("seven")], "wrong_type", "'seven' is not of type 'integer'"),
        ([user("Hi."), said("Yes.<|im_end|>")], "control_token", "<|im_end|>"),
        ([user("Hi \x07."), said("Yes.")], "not_text", "U+0007"),
        ([user("Hi."), said(" ")], "empty", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_wrong_in_a_conversation_is_a_reason(
    tmp_path: Path, messages: list[Any], reason: str, detail: str
) -> None:
    rows = stored(project(tmp_path, [{"messages": messages, "tools": TOOLS}, plain("bells")]))
    assert rows[0]["reason"] == reason and detail in (rows[0]["detail"] or "")
    assert (rows[0]["messages"], rows[1]["reason"]) == (None, "ok")


def test_one_that_ends_with_a_call_is_whole(tmp_path: Path) -> None:
    (row,) = stored(project(tmp_path, [{"messages": [user("Order 7?"), called(7)], "tools": TOOLS}]))
    assert row["reason"] == "ok"
    assert json.loads(row["call"]) == [[{"name": "find_order", "arguments": {"number": 7}}]]


def test_the_same_twice_is_a_duplicate_and_the_same_last_question_is_none(tmp_path: Path) -> None:
    thanks = [user("Thanks."), said("You are welcome.")]
    talks = [
        {"messages": [user(f"Do you sell {thing}?"), said("Yes."), *thanks]} for thing in ("bells", "oil")
    ]
    plan = project(tmp_path, [*talks, {"id": "x", "family": "other"} | talks[0]])
    assert "the same task is already in line 1" in " ".join(plan.seed_notes)
    assert len(stored(plan)) == 2


def test_a_dry_run_says_that_it_costs_nothing(tmp_path: Path) -> None:
    plan = project(tmp_path, [plain("bells")])
    assert dry_run.prompts(plan) == []
    with opened(plan) as store:
        generate(plan, store, nobody, most_tasks=16)
        assert "1 samples were tried: 1 accepted" in dry_run.estimate(plan, store)


def test_review_audit_and_export_cope_with_samples_without_an_answer(tmp_path: Path) -> None:
    rows = stored(
        project(tmp_path, [plain("bells"), with_call(4711), {"messages": [user("Hi."), said(" ")]}])
    )
    work = tmp_path / "work"
    shown = Samples(work / "factory.duckdb").sample(rows[0]["sample_id"])
    assert shown["answer"] is None and shown["tokens"] == [] and shown["decision"]["accepted"]
    for name in ("training_set", "rejected", "decisions", "lineage", "cost"):
        assert typed("audit", name, "-w", work).returncode == 0
    assert "samples" in typed("audit", "-w", work).stdout
    out = tmp_path / "out"
    done = typed("export", "-w", work, "--format", "jsonl", "-o", out)
    assert done.returncode == 0, done.stderr
    (talk, ordered) = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    assert [message.get("weight") for message in talk["messages"]] == [None, None, 0, None, None]
    assert (talk["teacher"], json.loads(ordered["tools"])) == (None, TOOLS)
    card = (out / "README.md").read_text()
    assert "3 conversations were read; 2 of them were accepted" in card
    assert "written by people, or by a model in use: 2 samples" in card and "teacher `" not in card


PLANTED = [
    {"messages": [user(f"I am {MAIL}, call {PHONE}."), said(f"Thanks, {MAIL.upper()}.")]},
    {
        "messages": [
            user("Which key is it?"),
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "c",
                        "type": "function",
                        "function": {"name": "note", "arguments": json.dumps({"to": MAIL, "key": KEY})},
                    }
                ],
            },
            result(json.dumps({"key": KEY}), id="c"),
            said("Noted."),
        ],
        "tools": [{"name": "note", "description": "Notes.", "parameters": {"type": "object"}}],
    },
    # Two parts of a text, and a row that cannot be read.
    {"messages": [user("Hi."), {"role": "assistant", "content": [
        {"type": "text", "text": "Write to anna.be"}, {"type": "text", "text": "rg@example.org"}]}]},
    {"id": MAIL, "messages": [{"role": MAIL, "content": KEY}]},
]  # fmt: skip


def everything(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("treatment", ["mask", "refuse"])
def test_a_planted_address_and_a_planted_key_never_reach_the_workspace(
    tmp_path: Path, treatment: str
) -> None:
    write(tmp_path / "held.jsonl", PLANTED[:1] if treatment == "mask" else [plain("saddles")])
    more = "checks: [schema, dedup, decontamination]\nevaluate: {held_out: held.jsonl}\n"
    plan = project(tmp_path, [*PLANTED, plain("bells")], f"personal: {treatment}", more=more)
    rows = stored(plan)
    told = " ".join(plan.seed_notes)
    assert len(rows) == (4 if treatment == "mask" else 1)
    done = typed("validate", tmp_path / "recipe.yaml")
    shown = everything(tmp_path / "work") + told.encode() + done.stdout.encode() + done.stderr.encode()
    for secret in (MAIL, MAIL.upper(), KEY, PHONE, "anna.berg", "90182034"):
        assert secret.encode() not in shown
        assert secret.encode("utf-16-le") not in shown
    if treatment == "mask":
        assert json.loads(rows[0]["messages"])[0]["content"] == "I am [MAIL_1], call [PHONE_1]."
        assert json.loads(rows[0]["messages"])[1]["content"] == "Thanks, [MAIL_1]."
        call = json.loads(rows[1]["messages"])[1]["tool_calls"][0]["function"]["arguments"]
        assert json.loads(call) == {"to": "[MAIL_1]", "key": "[KEY_1]"}
        assert "personal data in 3 rows, masked (mail addresses: 3, phone numbers: 1, keys and" in told
    else:
        assert "seeds.jsonl:1: holds a mail address and a phone number, and data.personal is refuse" in told
        assert "seeds.jsonl:2: holds" in told and "left out for it" in told


def test_held_out_conversations_with_personal_data_are_refused_with_their_line(tmp_path: Path) -> None:
    write(tmp_path / "held.jsonl", [plain("saddles"), PLANTED[0]])
    more = "evaluate: {held_out: held.jsonl}\n"
    plan = project(tmp_path, [plain("bells")], "personal: refuse", more=more)
    with pytest.raises(InputError, match="held.jsonl:2: holds a mail address") as caught:
        _ = plan.held_out
    assert MAIL not in str(caught.value)


def test_another_kind_masks_where_it_is_asked_to_and_its_ids_do_not_move_where_it_is_not(
    tmp_path: Path,
) -> None:
    write(tmp_path / "seeds.jsonl", [{"id": "a", "language": "en", "instruction": f"Write to {MAIL}."}])
    lines = HEAD + "data: {kind: instruction, seeds: seeds.jsonl, count: 1%s}\nchecks: [schema]\n"
    digests = []
    for more in ("", ", personal: keep", ", personal: mask"):
        (tmp_path / "recipe.yaml").write_text(lines % more)
        plan = load(tmp_path)
        digests.append(plan.run.loaded.digest)
        assert (MAIL in plan.seeds[0].question) == ("mask" not in more)
    assert digests[0] == digests[1] != digests[2]


def test_settings_that_ask_a_teacher_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        project(
            tmp_path, [plain("bells")], "samples_per_prompt: 2", "budget: {requests: 1}",
            more="checks: [schema, judge, agreement]\n"
            "student: {base: smollm2-135m-instruct, stages: [{distill: {steps: 1}}]}\n",
        )  # fmt: skip
    for place in ("samples_per_prompt", "data.budget", "checks[1]", "checks[2]", "stages[0].distill"):
        assert place in str(caught.value)


def test_the_overview_counts_no_answer_where_the_last_turn_is_a_call_as_one(tmp_path: Path) -> None:
    plan = project(tmp_path, [{"messages": [user("Order 7?"), called(7)], "tools": TOOLS}, *ALL])
    stored(plan)
    assert "empty answer" not in typed("audit", "-w", tmp_path / "work").stdout


def test_beside_another_source_only_that_one_is_asked(tmp_path: Path) -> None:
    write(tmp_path / "seeds.jsonl", [plain("bells"), with_call(4711)])
    write(
        tmp_path / "sums.jsonl",
        [{"question": "Ann has 3 pens and 5. How many?", "reference": "8"}],
    )
    (tmp_path / "recipe.yaml").write_text(
        HEAD + "data:\n- {kind: labelled, seeds: seeds.jsonl, count: 9, weight: 2, checks: [schema, dedup]}\n"
        "- {kind: rationale, seeds: sums.jsonl, count: 1, checks: [schema]}\n"
    )
    plan = load(tmp_path)
    model = Model(lambda _: "3 + 5 = 8.\nAnswer: 8")
    with opened(plan) as store:
        assert generate(plan.named("labelled"), store, nobody).startswith("nothing to ask; 2 samples")
        generate(plan.named("rationale"), store, model)
        pairs = TrainingSet(store).conversations()
    assert len(model.asked) == 1
    assert [(row["place"], conversation.origins[0].by) for row, conversation in pairs] == [
        (0, "person"),
        (0, "person"),
        (1, "teacher"),
    ]
