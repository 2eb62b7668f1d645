"""Folder of a student for llama.cpp and Ollama: the GGUF file, a Modelfile, the model card.

Promise: complete or absent, as every export.
"""

from pathlib import Path

from factory.export.gguf import Form, write_gguf
from factory.export.model_card import model_card
from factory.export.model_facts import model_facts
from factory.export.ollama import MODELFILE, modelfile
from factory.export.target import CARD, publish
from factory.store.store import read_store
from factory.workspace import Workspace


def write_gguf_folder(
    workspace: Workspace, folder: Path, target: Path, form: Form, *, force: bool = False
) -> Path:
    """Write the student in `folder` into the folder `target`, and return the GGUF file's path."""
    name = f"{folder.name}-{form}.gguf"
    with read_store(workspace.store) as connection:
        card = model_card(connection, folder.name, gguf=form)
        ollama = modelfile(model_facts(connection, folder.name), folder, name)
    earlier = [path.name for path in target.glob("*.gguf")]
    with publish(target, force=force, also=[MODELFILE, *earlier]) as staging:
        staging.mkdir()
        write_gguf(folder, staging / name, form)
        (staging / MODELFILE).write_text(ollama, encoding="utf-8", newline="\n")
        (staging / CARD).write_text(card, encoding="utf-8", newline="\n")
    return target / name
