"""Gemma: turns between `<start_of_turn>` and `<end_of_turn>` after a `<bos>`; no system role and no tokens
for calls, so a system's text opens the first turn, and calls are written as in Hermes."""

from factory.chat_formats import go_template as go
from factory.chat_formats.go_template import Tools
from factory.chat_formats.hermes import Hermes


class Gemma(Hermes):
    """The turns of Google's Gemma models. Their bases babble without the `<bos>`, which the template
    writes."""

    title = "Gemma"
    template = "gemma_chat.jinja"
    needed_tokens = ("<bos>", "<start_of_turn>", "<end_of_turn>")
    control_tokens = (*needed_tokens, *Hermes.call_marks, "<tool_response>", "</tool_response>")
    turn_end = "<end_of_turn>"

    def go_template(self, tools: Tools = ()) -> str:
        """Return the same template as Go has it: the system text opens the first turn of the user."""
        shown = go.listed(tools, "Call these tools:\n<tools>", "\n</tools>\n\n")
        opening = "{{ if $.System }}{{ $.System }}\n\n{{ end }}" + shown.replace(" .Tools", " $.Tools")
        call = go.calls(f"{Hermes.call_marks[0]}\n", "arguments", f"\n{Hermes.call_marks[1]}")
        # A conversation opens with the user, behind the system's text or not.
        first = "{{ if or (eq $i 0) (and $.System (eq $i 1)) }}" + opening + "{{ end }}"
        said = go.turns(
            f"<start_of_turn>user\n{first}{{{{ .Content }}}}<end_of_turn>\n",
            f"<start_of_turn>model\n{{{{ .Content }}}}{call}<end_of_turn>\n",
            "<start_of_turn>user\n<tool_response>\n{{ .Content }}\n</tool_response><end_of_turn>\n",
        )
        return f"<bos>{said}<start_of_turn>model\n"


FORMAT = Gemma()
