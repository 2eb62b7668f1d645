"""`factory gguf`: a student as a file for llama.cpp."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from factory.cli.options import WorkspacePath

Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="<path>",
        help="The folder to make, with a Modelfile for Ollama and a model card; or one file, if it ends in "
        ".gguf.",
    ),
]
Artifact = Annotated[
    str | None,
    typer.Option(help="Name of the student; the last one that its recipe lets ship if none is given."),
]
Form = Annotated[
    Literal["bf16", "q8_0", "q4_0"],
    typer.Option("--type", help="Bits of a weight: 16, 8 or 4. Vectors keep 32."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


def gguf(
    workspace: WorkspacePath,
    output: Output,
    artifact: Artifact = None,
    form: Form = "q8_0",
    force: Force = False,
) -> None:
    """Write a student as a GGUF file, for llama.cpp and what is built on it, such as Ollama.

    A student that is quantized already is rounded once more: name the one that is not with --artifact.
    """
    from factory.export.gguf import write_gguf
    from factory.export.gguf_folder import write_gguf_folder
    from factory.export.target import require_free
    from factory.serve.server import choose
    from factory.workspace import Workspace

    alone = output.suffix == ".gguf"
    if alone:
        require_free(output, force=force)
    place = Workspace(workspace).existing()
    folder = choose(place, artifact)
    if alone:
        write_gguf(folder, output, form, force=force)
    else:
        output = write_gguf_folder(place, folder, output, form, force=force)
    typer.echo(f"{output}: {folder.name} in {form}, {output.stat().st_size / 1e6:.0f} MB")
