"""Modelfile for Ollama, beside the GGUF file: the student's chat template in Go's syntax, and its settings.

Promise: a conversation becomes the text that the student was trained on, and is answered as the held-out
tasks were: greedily, without the penalty for repetition that Ollama would add, to the same most tokens. A
format that has no such template is said, and the file then lacks one. Not promised: the spaces in the JSON
of earlier calls, which Go writes without.
"""

import json
from pathlib import Path

from factory.chat_formats.formats import DEFAULT, FORMATS
from factory.export.model_card import answer_settings
from factory.export.model_facts import ModelFacts
from factory.models.folder import positions

MODELFILE = "Modelfile"


def modelfile(facts: ModelFacts, folder: Path, gguf: str) -> str:
    """Return the Modelfile of the student in `folder`, whose weights are in the file `gguf` beside it."""
    settings = answer_settings(facts.run)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    context = min(settings["max_model_len"], positions(config) or settings["max_model_len"])
    named = str(facts.about("format") or DEFAULT)
    lines = [f"# ollama create {facts.model['name']} -f {MODELFILE}", f"FROM ./{gguf}"]
    template = None
    if named in FORMATS:
        chat = FORMATS[named].for_model(folder)
        template = chat.go_template(facts.tools if facts.about("show_tools") else ())
        lines.append(f'PARAMETER stop "{chat.turn_end}"')
    lines += [
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1",
        f"PARAMETER num_predict {settings['max_tokens']}",
        f"PARAMETER num_ctx {context}",
    ]
    if template is None:
        lines.append(
            f"# The chat format {named} has no template in Go's syntax, with the tools that this student is "
            "shown or at all: llama.cpp itself uses the one in the GGUF file (llama-server --jinja)."
        )
    else:
        lines.append(f'TEMPLATE """{template}"""')
    return "\n".join(lines) + "\n"
