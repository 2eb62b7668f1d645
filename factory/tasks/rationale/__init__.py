"""The kind `rationale`: a question, the reasoning, the final answer."""

from factory.tasks.rationale.kind import Rationale

KIND = Rationale()
