"""Seed formats of published datasets: Alpaca, Self-Instruct, GSM8K, chat messages.

Unknown fields are ignored: such files have many.

Sources: self-instruct (Wang et al. 2022, arXiv:2212.10560), Alpaca (Taori et al. 2023), GSM8K (Cobbe et al.
2021, arXiv:2110.14168), and the chat messages of OpenAI's API, also with the names that ShareGPT gave them
(`conversations`, `from`, `value`).
"""

import re
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from factory.seeds.format import Content, SeedFormat, from_text

MARK = "####"
_ANNOTATION = re.compile(r"<<[^<>\n]*>>")
_SAID_AGAIN = re.compile(r"(?:so |thus |therefore,? )?the (?:final )?answer is:?\s*", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}


class AlpacaFormat(SeedFormat):
    """`instruction`, and of `input` and `output` what there is."""

    format_name = "alpaca"
    needs = frozenset({"instruction"})
    marks = frozenset({"instruction"})
    names: ClassVar[dict[str, str]] = {"question": "instruction", "reference": "output"}

    instruction: str
    input: str = ""
    output: str = ""

    def contents(self) -> list[Content]:
        return [Content(self.instruction, self.output, input=self.input)]


class _Instance(BaseModel):
    model_config = ConfigDict(strict=True)

    input: str = ""
    output: str = ""


class SelfInstructFormat(SeedFormat):
    """`instruction` and `instances`, a list of `{input, output}`: as many tasks as there are instances."""

    format_name = "self_instruct"
    needs = frozenset({"instruction", "instances"})
    marks = frozenset({"instances"})
    names: ClassVar[dict[str, str]] = {"question": "instruction", "reference": "output"}

    instruction: str
    instances: Annotated[list[_Instance], Field(min_length=1, max_length=1000), BeforeValidator(from_text)]

    def contents(self) -> list[Content]:
        return [Content(self.instruction, one.output, input=one.input) for one in self.instances]


class Gsm8kFormat(SeedFormat):
    """`question` and `answer`: the rationale with its calculator annotations `<<2+3=5>>`, `####`, and the
    final answer.

    The annotations go, and so do the commas between thousands of the final answer, and a line after it that
    says it again (`The answer is: 8`, as in MetaMath).
    """

    format_name = "gsm8k"
    needs = frozenset({"question", "answer"})
    marks = frozenset({"answer"})

    question: str
    answer: str

    def contents(self) -> list[Content]:
        rationale, mark, final = self.answer.rpartition(MARK)
        if not mark:
            raise ValueError(
                f"answer: has no {MARK} before a final answer; if it is the final answer, map it: "
                "columns: {reference: answer}"
            )
        if not final.strip():
            raise ValueError(f"answer: nothing follows {MARK}")
        reference, *more = (line.strip() for line in final.strip().splitlines() if line.strip())
        if any(_SAID_AGAIN.sub("", line).rstrip(".") != reference.rstrip(".") for line in more):
            raise ValueError(f"answer: more than one line follows {MARK}, and they are not one answer")
        return [
            Content(
                self.question,
                _THOUSANDS.sub("", reference),
                rationale=_ANNOTATION.sub("", rationale).strip(),
            )
        ]


class MessagesFormat(SeedFormat):
    """Chat messages under `messages` or `conversations`, or alone: the first user turn and the last assistant
    turn that answers it.

    From a second user turn on the conversation is left out, for its answers are to other questions. A system
    turn that says something is refused: the answer was given under it, and a seed has no place for it.
    Refused are also tool turns, and content that is not text.
    """

    format_name = "messages"
    needs = frozenset({"messages"})
    marks = frozenset({"messages"})

    messages: Annotated[
        list[dict[str, Any]],
        Field(min_length=1),
        BeforeValidator(from_text),
    ]

    def contents(self) -> list[Content]:
        question: str | None = None
        answer = ""
        for turn in self.messages:
            role, text = _role(turn), _text(turn)
            if role == "tool" or turn.get("tool_calls") or turn.get("function_call"):
                raise ValueError("messages: a turn calls a tool; write such tasks in the format tool_call")
            if role == "system" and text.strip():
                raise ValueError(
                    "messages: there is a system turn, under which the answer was given and which a seed "
                    "cannot keep"
                )
            if role == "user":
                if question is not None:
                    break
                question = text
            elif role == "assistant" and question is not None:
                answer = text
        if question is None:
            raise ValueError("messages: there is no user turn")
        return [Content(question, answer)]


def _role(turn: dict[str, Any]) -> str:
    role = turn.get("role", turn.get("from"))
    if not isinstance(role, str) or role not in _ROLES:
        raise ValueError(f"messages: a turn has an unknown role ({', '.join(_ROLES)})")
    return _ROLES[role]


def _text(turn: dict[str, Any]) -> str:
    content = turn.get("content", turn.get("value"))
    if isinstance(content, list) and all(
        isinstance(part, dict) and part.get("type") == "text" for part in content
    ):
        content = "".join(part["text"] if isinstance(part.get("text"), str) else "" for part in content)
    if content is None:
        return ""
    if not isinstance(content, str):
        raise ValueError("messages: the content of a turn is not text")
    return content
