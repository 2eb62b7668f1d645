"""A seed: a task that a person wrote, with its reference answer if there is one."""

from dataclasses import dataclass

from factory.system.digest import content_id


@dataclass(frozen=True)
class Seed:
    """One seed task. `name` is its id in the file `source`; `line` counts from 1 (rows, where there are no
    lines).

    What `reference` holds depends on the kind: for tool_call an expression, the first tool's only argument,
    or, if it begins with `[`, the canonical JSON of steps, each a list of calls `{"name", "arguments"}` made
    in parallel (`[]`: no tool is needed); for rationale the final answer, for instruction an example answer;
    "" if there is none, or none is known. For function_call it is one step of calls, or, if what is right has
    several spellings, a list of `{"name", "allowed"}`: for each argument its allowed values, "" among them
    where it may be left out. `input` is what an instruction is carried out on, `rationale` the reasoning
    before the final answer, `expression` arithmetic whose value is the final answer. `tools` are the task's
    own, JSON text (`factory.seeds.offered`); "" where the recipe names them.
    """

    name: str
    language: str
    family: str
    question: str
    reference: str
    source: str
    line: int
    input: str = ""
    rationale: str = ""
    expression: str = ""
    tools: str = ""
    conversation: str = ""

    @property
    def seed_id(self) -> str:
        """The content id: the same task in another place is the same seed.

        Empty fields are left out, so that a field that is added later moves no id. The rationale is one way
        to the answer and no part of the task.
        """
        fields = {
            "language": self.language,
            "question": self.question,
            "reference": self.reference,
            "input": self.input,
            "tools": self.tools,
            "conversation": self.conversation,
        }
        return content_id({field: text for field, text in fields.items() if text})
