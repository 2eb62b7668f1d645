"""What can be known of a training before it: whether base and teacher fit what is to be learnt."""

from factory.context.run import Run
from factory.errors import InputError
from factory.models.resolve import ModelSource


def require_chat_tokens(source: ModelSource) -> None:
    """Raise InputError if the model's tokenizer lacks the marks of the chat template."""
    if source.ready and '"<|im_start|>"' not in (source.folder / "tokenizer.json").read_text(
        encoding="utf-8"
    ):
        raise InputError(
            f"{source.name}: its tokenizer does not know <|im_start|>, which the Hermes tool-call form needs",
            "Choose a base that speaks ChatML.",
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
