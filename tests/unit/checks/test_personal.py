"""What the teacher wrote may hold no personal data but its seed's, wherever in the sample it stands."""

import dataclasses
from typing import Any

import pytest

from factory.checks.personal import PersonalCheck
from factory.seeds.seed import Seed
from factory.tasks.sample import Sample, Task

SEED = Seed("s", "en", "mail", "Answer anna@example.org.", "", "seeds.jsonl", 1, input="Tel. 030/901820")
SAMPLE = Sample("b2:k", Task(SEED.seed_id, "en", "mail", SEED.question, ""), "", "stop")


def judge(**made: Any) -> tuple[bool, str, str]:
    verdict = PersonalCheck([SEED]).judge(dataclasses.replace(SAMPLE, **made))
    return verdict.passed, verdict.reason, verdict.detail


@pytest.mark.parametrize("text", ["Dear ANNA@example.org, call (030) 90 18 20.", "It costs 20 euros.", ""])
def test_what_the_seed_holds_may_be_said_again(text: str) -> None:
    assert judge(text=text, answer=text) == (True, "ok", "")


@pytest.mark.parametrize(
    "made",
    [
        {"text": "Dear bob@example.org"},
        {"rationale": "bob@example.org"},
        {"answer": "bob@example.org"},
        {"call": {"name": "mail", "arguments": {"to": "bob@example.org"}}},
        {
            "messages": [
                {"role": "assistant", "tool_calls": [{"arguments": '{"to": "bob\\u0040example.org"}'}]}
            ]
        },
    ],
)
def test_another_address_is_rejected_and_not_repeated(made: dict[str, Any]) -> None:
    assert judge(**made) == (False, "personal_data", "a mail address")


def test_a_proposed_question_is_the_teachers_too() -> None:
    task = dataclasses.replace(SAMPLE.task, question="Write to 4111 1111 1111 1111 and bob@example.org")
    assert judge(task=task) == (False, "personal_data", "a mail address, a payment card")
