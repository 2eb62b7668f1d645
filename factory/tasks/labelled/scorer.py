"""How held-out conversations are put to a model, and how its answers are judged."""

import unicodedata
from typing import Any

from factory.chat_formats.format import ChatFormat
from factory.chat_formats.unreadable import unreadable
from factory.inference.request import Answer
from factory.seeds.conversations import step_of
from factory.seeds.seed import Seed
from factory.system.digest import canonical_json
from factory.tasks.labelled.conversation import Whole, read
from factory.tasks.sample import Task
from factory.tasks.scorer import ACCURACY, Asked, Dialogue
from factory.tasks.taskset import Ask
from factory.tasks.tool_call.call import CallFault, parse_written_calls
from factory.text.thinking import without_thinking
from factory.tools.spec import ToolSpec


class ConversationScorer:
    """Conversations: asked is the first answer after the last question, and, as long as the model calls what
    the reference calls, each one after the reference's own results. Right are the same calls and the same
    words, but for case, spaces and the forms of a character."""

    def __init__(self, held_out: list[Seed], chat_format: ChatFormat):
        self._wholes = {seed.seed_id: read(seed) for seed in held_out}
        self._chat_format = chat_format
        called = any(
            message.get("tool_calls")
            for whole in self._wholes.values()
            for message in whole.messages[whole.before_last :]
        )
        self.metrics = ACCURACY | ({"tool_call_accuracy": "same_call"} if called else {})

    def put(self, candidate: Asked, task: Task) -> Dialogue:
        """Put the conversation up to its last question, and go on while the answer is the reference's."""
        whole = self._wholes[task.seed_id]
        steps: list[list[dict[str, Any]]] = []
        text, is_read, same = "", True, True
        for place in self._asked(whole):
            answer = yield Ask(whole.messages[:place], tools=whole.tools or None)
            step, text, is_read = self._read(whole, answer)
            steps += [step] if step else []
            wanted = whole.messages[place]
            same = _calls(step) == _calls(step_of(wanted))
            is_right = same and (bool(step) or _normal(text) == _normal(wanted["content"] or ""))
            if not is_read or not is_right:
                break
        return {
            "call": steps or None,
            "result": text or None,
            "parsed": is_read,
            "same_call": is_read and same,
            "right_answer": is_read and is_right,
        }

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return the text of the reference's first answer; None where it calls tools."""
        whole = self._wholes[task.seed_id]
        first = whole.messages[next(iter(self._asked(whole)))]
        return None if step_of(first) else ("", str(first["content"]))

    def _asked(self, whole: Whole) -> list[int]:
        places = range(whole.before_last, len(whole.messages))
        return [place for place in places if whole.messages[place]["role"] == "assistant"]

    def _read(self, whole: Whole, answer: Answer) -> tuple[list[dict[str, Any]], str, bool]:
        """Return the calls of an answer, its text where it calls nothing, and whether it could be read."""
        if answer.error is not None:
            return [], "", False
        if not self._chat_format.has_call(answer.text):
            said = without_thinking(answer.text).strip()
            return [], said, unreadable(said) is None
        try:
            tools = [ToolSpec.model_validate(tool) for tool in whole.tools]
            return parse_written_calls(answer.text, tools, self._chat_format), "", True
        except CallFault:
            return [], "", False


def _calls(step: list[dict[str, Any]]) -> list[str]:
    # Calls of one step are made together, so their order says nothing.
    return sorted(map(canonical_json, step))


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
