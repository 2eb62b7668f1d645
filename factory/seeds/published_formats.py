"""Seed formats of published datasets: Alpaca, Dolly, OpenOrca, Self-Instruct, prompt and completion, GSM8K,
MetaMath, MATH, chat messages.

Fields that are not of the format are named in a note: such files have many.

Sources: self-instruct (Wang et al. 2022, arXiv:2212.10560), Alpaca (Taori et al. 2023), Dolly (Databricks
2023), OpenOrca (Mukherjee et al. 2023, arXiv:2306.02707), GSM8K (Cobbe et al. 2021, arXiv:2110.14168),
MetaMath (Yu et al. 2023, arXiv:2309.12284), MATH (Hendrycks et al. 2021, arXiv:2103.03874), and the chat
messages of OpenAI's API, also with the names that ShareGPT gave them (`conversations`, `from`, `value`).
"""

import re
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from factory.seeds.format import Content, Said, SeedFormat, from_text, number_text
from factory.seeds.turns import beside_first_exchange, is_neutral, role_of, text_of

MARK = "####"
WITHOUT_SYSTEM = (
    "the answer was given under it, and a seed cannot keep it; "
    "where it does not matter, map the other columns"
)
_SAYS = "The answer is:"
_ANNOTATION = re.compile(r"<<[^<>\n]*>>")
_SAID_AGAIN = re.compile(r"(?:so |thus |therefore,? )?the (?:final )?answer is:?\s*", re.IGNORECASE)
_BARE_BOX = re.compile(r"\\(?:boxed|fbox) +([^\s${}\\.,;]+)")
_NO_ANSWERS = frozenset({"", "proof", "notfound"})  # as NuminaMath writes where there is none


def _aside(value: Any) -> Any:
    text = number_text(value)
    return text if isinstance(text, str) else ""


# A column that helps where it holds an answer, and that no row is refused for.
Aside = Annotated[str, BeforeValidator(_aside)]
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


class AlpacaFormat(SeedFormat):
    """`instruction`, and of `input` and `output` what there is."""

    format_name = "alpaca"
    needs = frozenset({"instruction"})
    marks = frozenset({"instruction"})
    names: ClassVar[dict[str, str]] = {"question": "instruction", "reference": "output"}

    instruction: str
    input: str = ""
    output: Said = ""

    def contents(self) -> list[Content]:
        return [Content(self.instruction, self.output, input=self.input)]


class _Instance(BaseModel):
    model_config = ConfigDict(strict=True)

    input: str = ""
    output: Said = ""


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
    says it again (`The answer is: 8`, as in MetaMath). `answer_number`, as in MGSM, is the final answer of a
    row without `####`.
    """

    format_name = "gsm8k"
    needs = frozenset({"question", "answer"})
    marks = frozenset({"answer"})

    question: str
    answer: Said = ""
    answer_number: Aside = ""

    def contents(self) -> list[Content]:
        rationale, mark, final = self.answer.rpartition(MARK)
        if not mark and self.answer_number:
            number = _THOUSANDS.sub("", self.answer_number)
            return [Content(self.question, number, rationale=self.answer.strip())]
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


class DollyFormat(SeedFormat):
    """`instruction`, the `context` that it is carried out on, and `response`; `category` is its family."""

    format_name = "dolly"
    needs = frozenset({"instruction", "response"})
    marks = frozenset({"response"})
    names: ClassVar[dict[str, str]] = {
        "question": "instruction",
        "input": "context",
        "reference": "response",
    }

    instruction: str
    context: str = ""
    response: Said
    category: Annotated[str, Field(max_length=100)] = ""

    def contents(self) -> list[Content]:
        return [Content(self.instruction, self.response, input=self.context)]

    @property
    def group(self) -> str:
        return self.category or self.family


class OpenOrcaFormat(SeedFormat):
    """`question` and `response`; a `system_prompt` that says something is refused, as a system turn is."""

    format_name = "openorca"
    needs = frozenset({"question", "response"})
    marks = frozenset({"system_prompt", "response"})
    names: ClassVar[dict[str, str]] = {"reference": "response"}

    question: str
    response: Said
    system_prompt: str = ""

    def contents(self) -> list[Content]:
        if not is_neutral(self.system_prompt):
            raise ValueError(f"system_prompt: {WITHOUT_SYSTEM}")
        return [Content(self.question, self.response)]


class PromptFormat(SeedFormat):
    """`prompt` and `completion`."""

    format_name = "prompt_completion"
    needs = frozenset({"prompt", "completion"})
    marks = frozenset({"completion"})
    names: ClassVar[dict[str, str]] = {"question": "prompt", "reference": "completion"}

    prompt: str
    completion: Said

    def contents(self) -> list[Content]:
        return [Content(self.prompt, self.completion.strip())]


class MetaMathFormat(SeedFormat):
    """`query` and `response`, which ends on "The answer is: 8" after the rationale; GSM8K's line `#### 8`
    says the same before it."""

    format_name = "metamath"
    needs = frozenset({"query", "response"})
    marks = frozenset({"query"})
    names: ClassVar[dict[str, str]] = {"question": "query", "reference": "response"}

    query: str
    response: Said
    type: Annotated[str, Field(max_length=100)] = ""

    def contents(self) -> list[Content]:
        rationale, mark, final = self.response.rpartition(_SAYS)
        final = final.strip().removesuffix(".")
        if not mark or not final:
            raise ValueError(
                f'response: does not end on "{_SAYS} ..."; if it is the final answer, map it: '
                "columns: {question: query, reference: response}"
            )
        lines = rationale.strip().splitlines()
        if other := next((line for line in lines if line.startswith(MARK) and _differ(line, final)), ""):
            raise ValueError(f'response: says "{other.strip()}", and then "{_SAYS} {final}"')
        lines = [line for line in lines if not line.startswith(MARK)]
        return [Content(self.query, _THOUSANDS.sub("", final), rationale="\n".join(lines).strip())]

    @property
    def group(self) -> str:
        return self.type or self.family


class MathFormat(SeedFormat):
    """`problem`, and a `solution` with the final answer in `\\boxed{}`, or else in `answer`, as OpenR1 and
    NuminaMath have it; `type` is its family."""

    format_name = "math"
    needs = frozenset({"problem", "solution"})
    marks = frozenset({"problem", "solution"})
    names: ClassVar[dict[str, str]] = {"question": "problem", "reference": "solution"}

    problem: str
    solution: str
    answer: Aside = ""
    type: Annotated[str, Field(max_length=100)] = ""

    def contents(self) -> list[Content]:
        told = "" if self.answer.strip().casefold() in _NO_ANSWERS else self.answer.strip()
        final = _boxed(self.solution) or told
        if told and _differ(told, final):
            raise ValueError(f"answer: is {told}, and the solution ends on {final}")
        if not final:
            raise ValueError(
                "solution: has no \\boxed{...} with a final answer; if it is the final answer, map it: "
                "columns: {question: problem, reference: solution}"
            )
        return [Content(self.problem, final, rationale=self.solution.strip())]

    @property
    def group(self) -> str:
        return self.type or self.family


class MessagesFormat(SeedFormat):
    """Chat messages under `messages` or `conversations`, or alone: the first user turn and the last assistant
    turn that answers it.

    From a second user turn on the conversation is left out, for its answers are to other questions, and a
    note says of how many rows. A system
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
            role, text = role_of(turn), text_of(turn)
            if role in ("tool", "call") or turn.get("tool_calls") or turn.get("function_call"):
                raise ValueError("messages: a turn calls a tool; write such tasks in the format tool_call")
            if role == "system" and not is_neutral(text):
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

    @property
    def left_out(self) -> str:
        return beside_first_exchange(self.messages, one_answer=True)


def _differ(one: str, other: str) -> bool:
    """Whether two answers are different numbers."""
    try:
        first, second = (float(_THOUSANDS.sub("", text.strip("#$. \n"))) for text in (one, other))
    except ValueError:
        return False
    return first != second


def _boxed(solution: str) -> str:
    """Return what stands in the last `\\boxed{}`, its own braces balanced, or behind `\\boxed 2`; "" if there
    is none."""
    start = max(solution.rfind("\\boxed{"), solution.rfind("\\fbox{"))
    bare = list(_BARE_BOX.finditer(solution))
    if bare and bare[-1].start() > start:
        return bare[-1][1]
    if start < 0:
        return ""
    start = solution.index("{", start) + 1
    depth = 1
    for place in range(start, len(solution)):
        depth += {"{": 1, "}": -1}.get(solution[place], 0)
        if not depth:
            return solution[start:place].strip()
    return ""
