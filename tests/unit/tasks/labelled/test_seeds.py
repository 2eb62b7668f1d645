"""Conversations as they lie on disks become the same turns, whole, and what is no conversation is told with
its line."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.seeds.conversations import conversation_content
from factory.seeds.load import SeedFile
from factory.tasks.labelled.conversation import read
from tests.support.command import ROOT
from tests.support.conversations import ALL, SYSTEM, TOOLS, called, result, said, user, write
from tests.support.seeds import load_seeds

CALL = {"name": "find_order", "arguments": {"number": 7}}
LEGACY = {"role": "assistant", "content": None, "function_call": CALL | {"arguments": '{"number": 7}'}}
EXPECTED = ["system", "user", "assistant", "tool", "assistant"]
ORDER = [SYSTEM, user("Where is order 7?"), called(7), result("sent"), said("It is sent.")]


def loaded(folder: Path, *rows: Any) -> SeedFile:
    return load_seeds(write(folder / "rows.jsonl", list(rows)), "labelled")


def reply(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": "stop"} | more for message in messages]}


ROWS = {
    "openai": {"messages": ORDER, "tools": TOOLS},
    "openai in text": {"messages": json.dumps(ORDER), "tools": json.dumps(TOOLS)},
    "functions": {
        "messages": [*ORDER[:2], LEGACY, {"role": "function", "name": "f", "content": "sent"}, ORDER[-1]],
        "functions": [TOOLS[0]["function"]],
    },
    "sharegpt": {
        "conversations": [
            {"from": "human", "value": "Where is order 7?"},
            {"from": "function_call", "value": json.dumps(CALL)},
            {"from": "observation", "value": "sent"},
            {"from": "gpt", "value": "It is sent."},
        ],
        "system": SYSTEM["content"],
        "tools": json.dumps([TOOLS[0]["function"]]),
    },
    "hermes": {
        "conversations": [
            {"from": "system", "value": SYSTEM["content"]},
            {"from": "human", "value": "Where is order 7?"},
            {"from": "gpt", "value": f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>"},
            {"from": "tool", "value": "<tool_response>\nsent\n</tool_response>"},
            {"from": "gpt", "value": "It is sent."},
        ],
        "tools": TOOLS,
    },
    "stored": {"request": {"messages": ORDER[:4], "tools": TOOLS}, "response": reply(ORDER[4])},
    "batch": {
        "custom_id": "r-1",
        "body": {"messages": ORDER[:4], "tools": TOOLS},
        "response": {"status_code": 200, "body": reply(ORDER[4])},
    },
    "completion beside its messages": {"messages": ORDER[:4], "tools": TOOLS} | reply(ORDER[4]),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_each_form_becomes_the_same_conversation(tmp_path: Path, name: str) -> None:
    file = loaded(tmp_path, ROWS[name])
    assert file.faults == []
    (seed,) = file.seeds
    whole = read(seed)
    assert (seed.question, seed.reference) == ("Where is order 7?", "It is sent.")
    assert [message["role"] for message in whole.messages] == EXPECTED
    assert whole.messages[2]["tool_calls"][0]["function"] == CALL | {"arguments": '{"number": 7}'}
    assert whole.messages[3] == {"role": "tool", "tool_call_id": "call_1", "content": "sent"}
    assert whole.tools == TOOLS and whole.fault() is None
    assert all(origin.learnt for origin in whole.origins)


def test_of_a_log_only_the_answer_is_learnt_and_every_choice_is_one(tmp_path: Path) -> None:
    asked = [user("Hi."), said("Hello."), user("Do you sell bells?")]
    file = loaded(
        tmp_path, {"request": {"messages": asked}, "response": reply(said("Yes."), said("Yes, we do."))}
    )
    assert [seed.name for seed in file.seeds] == ["rows-1", "rows-1/2"]
    assert [origin.learnt for origin in read(file.seeds[1]).origins] == [False, True]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"messages": [user("Hi.")]}, "messages: nobody answers the user"),
        ({"messages": [said("Hi.")]}, "messages: there is no user turn"),
        ({"messages": [user("Hi."), said("Ho.", weight=2)]}, "messages: the weight of a turn is 0"),
        ({"messages": [user("Hi."), {"role": "robot", "content": "Ho."}]}, "a turn has an unknown role"),
        ({"messages": [user("Hi."), {"role": "assistant", "content": [{"type": "audio"}]}]}, "is not text"),
        ({"messages": [user(" "), said("Ho.")]}, "question: is blank"),
        ({"messages": ORDER, "tools": [{"name": 3}]}, "tools: tool 1, function.name"),
        ({"messages": ORDER, "tools": "[{"}, "tools: "),
        ({"request": {"messages": ORDER[:2]}, "response": {"error": {}}}, "response: has no choices"),
        ({"request": {"messages": ORDER[:2]}, "response": reply(said("It"), finish_reason="length")},
         "response: the answer is no whole one: it ended by length"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_conversation_is_told_with_its_line(tmp_path: Path, row: Any, told: str) -> None:
    (fault,) = loaded(tmp_path, row).faults
    assert fault.line == 1 and told in fault.reason


def test_names_that_servers_refuse_are_changed_in_tools_and_calls_alike(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": TOOLS[0]["function"] | {"name": "shop.find"}}]
    (seed,) = loaded(
        tmp_path, {"messages": [user("Order 7?"), called(7, name="shop.find")], "tools": tools}
    ).seeds
    assert read(seed).fault() is None
    assert json.loads(seed.reference)[0][0]["name"] == "shop_find"


def test_parallel_results_keep_their_calls(tmp_path: Path) -> None:
    both = {
        "role": "assistant",
        "tool_calls": [*called(7, id="a")["tool_calls"], *called(8, id="b")["tool_calls"]],
    }
    turns = [user("7 and 8?"), both, result("eight", id="b"), result("seven", id="a"), said("Both.")]
    (seed,) = loaded(tmp_path, {"messages": turns, "tools": TOOLS}).seeds
    whole = read(seed)
    assert [message.get("tool_call_id") for message in whole.messages[2:4]] == ["call_2", "call_1"]
    assert whole.fault() is None


def test_the_language_is_that_of_the_question_where_none_is_named(tmp_path: Path) -> None:
    rows = [
        {"messages": [SYSTEM, user("你们卖铃铛吗？"), said("卖的。")]},
        ALL[0],
        {"language": "de"} | ALL[1],
    ]
    assert [seed.language for seed in loaded(tmp_path, *rows).seeds] == ["zh", "en", "de"]


def test_a_seed_id_knows_the_whole_conversation(tmp_path: Path) -> None:
    ends = [user("Thanks."), said("You are welcome.")]
    begins = [[user(f"Do you sell {thing}?"), said("Yes.")] for thing in ("oil", "bells")]
    rows = [{"messages": [*begin, *ends]} for begin in begins]
    assert len({seed.seed_id for seed in loaded(tmp_path, *rows).seeds}) == 2


@pytest.mark.parametrize("name", ["chats.jsonl", "held_out.jsonl"])
def test_the_conversations_that_ship_are_whole(name: str) -> None:
    file = load_seeds(ROOT / "data" / "assistant" / name, "labelled")
    assert file.faults == [] and [seed for seed in file.seeds if read(seed).fault()] == []


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)
answers = st.one_of(
    texts.map(said),
    st.lists(st.integers(-5, 10**6), min_size=1, max_size=3).map(
        lambda numbers: {
            "role": "assistant",
            "tool_calls": [
                call
                for place, number in enumerate(numbers)
                for call in called(number, id=str(place))["tool_calls"]
            ],
        }
    ),
)


@given(st.lists(st.tuples(texts, answers), min_size=1, max_size=4))
def test_what_was_read_once_is_read_the_same_again(pairs: list[tuple[str, Any]]) -> None:
    turns = [turn for asked, answer in pairs for turn in (user(asked), answer)]
    once = conversation_content(turns, TOOLS)
    whole = json.loads(once.conversation)
    assert conversation_content(whole["messages"], whole["tools"]) == once
    assert len(whole["messages"]) == len(turns)
