"""Checks of a training before it starts: whether base and teacher fit what is to be learnt."""

from factory.chat_formats.auto import AUTO
from factory.chat_formats.formats import FORMATS
from factory.context.run import Run
from factory.errors import InputError
from factory.recipe.distill import Until
from factory.recipe.stages import Stage
from factory.recipe.training import CalibrationSettings

FEWEST_SEEDS = 40  # that samples come from, for a tenth of them to tell anything
# Settings of a distribution over tokens, and of a loss that is added up.
_OF_TOKENS, _OF_SUMS = ("top_k", "tail", "trust", "focus", "behind", "interpolate"), ("mix", "bound")


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


def require_tutor(run: Run, seeds: int) -> None:
    """Raise InputError if there is a tutor that cannot teach the student, or cannot be compared with it; the
    recipe has so many seeds."""
    tutor, at = run.student.tutor, f"{run.loaded.path}: student.tutor"
    if tutor is None:
        return
    if run.labels:
        raise InputError(
            f"{at}: a student with a head learns how likely the teacher found each label",
            "Remove the tutor, and write distill with teacher: stored.",
        )
    if run.student.watches_by_default and seeds < FEWEST_SEEDS:
        raise InputError(
            f"{at}: it teaches only if it is better than the student on set-aside seeds, and of {seeds} "
            "none is set aside",
            "Write validation: {share: 0.2} in a stage, or bring more seeds.",
        )
    base = run.tutor_base
    if not (base.ready and run.base.ready):
        return
    if method := base.facts().quantized:
        raise InputError(
            f"{at}: the weights of {base.name} are quantized ({method})",
            "Name the model that it was made from.",
        )
    if base.facts().tokenizer_digest != run.base.facts().tokenizer_digest:
        raise InputError(
            f"{at}: {base.name} and the student's base {run.base.name} have different tokenizers, so their "
            "distributions cannot be compared",
            "Name a model of the base's family under student.tutor.base.",
        )


def require_head(run: Run) -> None:
    """Raise InputError if a student with a classification head cannot be made as the recipe says, or one that
    writes has settings of a head."""
    at, student, base = run.loaded.path, run.student, run.base.name
    if not (student.head or run.reads_only):
        if student.calibration != CalibrationSettings():
            raise InputError(
                f"{at}: student.calibration: only the probabilities of a student with a head are calibrated",
                "Write student.head: true, or remove it.",
            )
        return
    _require_labels(run)
    if run.reads_only and student.format != AUTO:
        raise InputError(
            f"{at}: student.format: {base} is an encoder, which reads the bare text", "Remove student.format."
        )
    if not student.adapter.heads:
        raise InputError(
            f"{at}: student.adapter: virtual tokens alone train no head", "Write kind: lora, or kind: full."
        )
    if student.precision == "bfloat16":
        raise InputError(
            f"{at}: student.precision: a student with a head is trained in float32", "Remove precision."
        )
    for stage in student.stages:
        if stage.taught:
            _require_stored(run, stage)


def _require_labels(run: Run) -> None:
    """Raise InputError if the sources have no labels, or not the same."""
    what = f"the base {run.base.name} is an encoder" if run.reads_only else "student.head is set"
    for source in run.loaded.recipe.sources:
        labels = source.kind.labels(source.data)
        if not labels:
            raise InputError(
                f"{run.loaded.path}: {what}, and the kind {source.kind.name} has no labels that a head could "
                "answer with",
                "Choose a decoder that writes its answers, without head, or data of kind: label.",
            )
        if labels != run.labels:
            raise InputError(
                f"{run.loaded.path}: {what}, and the sources do not have the same labels in the same order",
                "One head has one list of labels: write the same in each source.",
            )


def _require_stored(run: Run, stage: Stage) -> None:
    settings = stage.distillation
    assert settings is not None
    if settings.teacher != "stored":
        raise InputError(
            f"{run.loaded.path}: {stage.name}.teacher: {settings.teacher}: a student with a head learns how "
            "likely the teacher found each label, which is stored with its answers",
            "Write distill with teacher: stored.",
        )
    told = [name for part in (settings, *settings.curriculum) for name in part.model_fields_set]
    if without := next((name for name in _OF_TOKENS if name in told), None):
        raise InputError(
            f"{run.loaded.path}: distill.{without}: a head has labels and no tokens to choose from",
            "Remove it.",
        )
    if without := next((name for name in _OF_SUMS if name in told), None):
        raise InputError(
            f"{run.loaded.path}: distill.{without}: of a head's loss cross-entropy and divergence each have "
            "their share",
            "Remove it; weight is the divergence's share.",
        )
    if any(isinstance(phase.until, Until) for phase in settings.curriculum):
        raise InputError(
            f"{run.loaded.path}: distill.curriculum: a head has no tokens to agree on with the teacher",
            "End each phase at a share of the steps.",
        )
