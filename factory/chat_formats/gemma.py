"""Gemma: turns between `<start_of_turn>` and `<end_of_turn>` after a `<bos>`; no system role and no tokens
for calls, so a system's text opens the first turn, and calls are written as in Hermes."""

from factory.chat_formats.hermes import Hermes


class Gemma(Hermes):
    """The turns of Google's Gemma models. Their bases babble without the `<bos>`, which the template
    writes."""

    title = "Gemma"
    template = "gemma_chat.jinja"
    needed_tokens = ("<bos>", "<start_of_turn>", "<end_of_turn>")
    control_tokens = (*needed_tokens, *Hermes.call_marks, "<tool_response>", "</tool_response>")
    turn_end = "<end_of_turn>"


FORMAT = Gemma()
