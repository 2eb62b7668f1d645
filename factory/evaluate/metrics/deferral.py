"""What a student with a head does with held-out texts at the threshold that was found on set-aside ones: how
many it answers, how many of those are wrong, and what was promised.

`promised_error` is the share of wrong answers at that threshold on the set-aside texts, with its Wilson
interval: the error on other texts is held against its upper end. The threshold is chosen on those texts, so
the interval is a little too narrow where many thresholds were as good.
"""

from collections.abc import Mapping

from factory.evaluate.metrics.accuracy import share
from factory.evaluate.metrics.calibration import calibration_error
from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.evaluate.scorer import question
from factory.inference.classifier import Classifier
from factory.inference.request import Model


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return the figures; nothing of a model without a calibration."""
    model, rows = evaluation.model, evaluation.predictions
    if not isinstance(model, Classifier) or model.calibration is None or not rows:
        return {}
    found = model.calibration.deferral
    least = found.threshold
    answered = [
        bool(row["right_answer"])
        for row in rows
        if least is not None and row["confidence"] is not None and row["confidence"] >= least
    ]
    taken = share([place < len(answered) for place in range(len(rows))])
    promised = share([place < found.wrong for place in range(found.answered)])
    figures = {"answered_share": taken}
    if answered:
        figures["answered_error"] = share([not right for right in answered])
    if found.answered:
        figures["promised_error"] = promised
    if raw := _uncalibrated(evaluation, model):
        figures["uncalibrated_error"] = Measurement(calibration_error(raw), None, None, len(raw))
    return figures


def _uncalibrated(evaluation: Evaluation, model: Classifier) -> list[tuple[float, bool]]:
    """Return (probability, right) of the held-out texts as they would be without the calibration."""
    right = {row["task_id"]: bool(row["right_answer"]) for row in evaluation.predictions}
    asked = {task: question(evaluation.scorer, evaluation.candidate, task, 1) for task in evaluation.tasks}
    plain: Model = model.uncalibrated()
    answers = {answer.key: answer for answer in plain.answer(asked.values())}
    sure = []
    for task, request in asked.items():
        shares = answers[request.key].label_probabilities
        if shares is not None:
            sure.append((max(shares.values()), right[task.task_id]))
    return sure


FAMILY = Family(
    (
        Metric(
            "uncalibrated_error",
            "before calibration",
            "",
            "lower",
            under="calibration_error",
        ),
        Metric(
            "answered_share",
            "Answered by itself",
            "share",
            "higher",
            note="Answered by itself is a text whose label is as likely as the threshold asks, which was "
            "found on set-aside texts; the others are deferred.",
        ),
        Metric("answered_error", "of these wrong", "share", "lower", under="answered_share"),
        Metric("promised_error", "wrong on set-aside texts", "share", "lower", under="answered_share"),
    ),
    measure,
    by_source=True,
)
