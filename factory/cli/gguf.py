"""`factory gguf`: a student as a file for llama.cpp."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from factory.cli.options import WorkspacePath

Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="<path>", help="The file to make, such as student.gguf.")
]
Artifact = Annotated[
    str | None,
    typer.Option(help="Name of the student; the last one that its recipe lets ship if none is given."),
]
Form = Annotated[
    Literal["bf16", "q8_0", "q4_0"],
    typer.Option("--type", help="Bits of a weight: 16, 8 or 4. Vectors keep 32."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


def gguf(
    workspace: WorkspacePath,
    output: Output,
    artifact: Artifact = None,
    form: Form = "q8_0",
    force: Force = False,
) -> None:
    """Write a student as one GGUF file, for llama.cpp and what is built on it.

    A student that is quantized already is rounded once more: name the one that is not with --artifact.
    """
    from factory.export.gguf import write_gguf
    from factory.export.target import require_free
    from factory.serve.server import choose
    from factory.workspace import Workspace

    require_free(output, force=force)
    folder = choose(Workspace(workspace).existing(), artifact)
    write_gguf(folder, output, form, force=force)
    typer.echo(f"{output}: {folder.name} in {form}, {output.stat().st_size / 1e6:.0f} MB")
