"""Checks of a training before it starts: whether base and teacher fit what is to be learnt."""

from factory.chat_formats.formats import FORMATS
from factory.context.run import Run
from factory.errors import InputError


def require_chat_tokens(run: Run) -> None:
    """Raise InputError if the base's tokenizer lacks the marks of the student's chat format."""
    if run.base.ready and (reason := run.chat_format.misfit(run.base.folder)):
        raise InputError(
            f"{run.loaded.path}: student.base: {run.base.name}: {reason}",
            f"Choose another base, or another student.format: {', '.join(FORMATS)}.",
        )


def require_trainable(run: Run) -> None:
    """Raise InputError if the weights of the base are quantized: no adapter can be merged into those."""
    if run.base.ready and (method := run.base.facts().quantized):
        raise InputError(
            f"{run.loaded.path}: student.base: {run.base.name}: its weights are quantized ({method})",
            "Name the model that it was made from; the student is quantized under compress.",
        )


def require_same_tokens(run: Run) -> None:
    """Raise InputError if teacher and base have different tokenizers: their distributions are compared."""
    if not (run.teacher.ready and run.base.ready):
        return
    # Only the tokenizers have to agree: behind them vocabularies are padded to different sizes.
    if run.teacher.facts().tokenizer_digest != run.base.facts().tokenizer_digest:
        raise InputError(
            f"the teacher {run.teacher.name} and the student's base {run.base.name} have different "
            "tokenizers, so their distributions cannot be compared",
            "Choose a base of the teacher's family, or train with sft alone: on the teacher's text, which "
            "needs no common tokenizer.",
        )
