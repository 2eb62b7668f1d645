"""Texts and their labels in tokens, as a student with a head learns them.

Promise: the teacher's distribution is there only where it is proved to belong to the text and the label that
were accepted; else a reason says why not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from factory.context.run import Run
from factory.context.training_set import TrainingSet
from factory.inference.classifier import text_ids
from factory.models.spelling import read_spelling
from factory.tasks.teacher_words import Fault


@dataclass(frozen=True)
class TextRow:
    """One accepted text. `label` is the place of its label, `teacher` how likely the teacher found each,
    empty where that is not known, and `fault` is why. `weight` is what it counts,
    `source` the name of its source of data; `task` is empty, as a text is learnt as one thing."""

    sample_id: str
    seed: str
    text: str
    input_ids: list[int]
    label: int
    teacher: Sequence[float] = ()
    fault: Fault = ""
    weight: float = 1.0
    source: str = ""
    task: str = ""


def text_rows(run: Run, samples: TrainingSet, tokenizer: PreTrainedTokenizerBase) -> list[TextRow]:
    """Return the rows of the accepted samples, in the plan's order."""
    sources, labels = run.loaded.recipe.sources, run.labels
    # Behind a server the teacher's tokenizer is not known: the base's has to prove itself.
    spell = read_spelling(run.teacher.folder) or read_spelling(run.base.folder)
    accepted = samples.conversations()
    keys = {origin.request_key for _, conversation in accepted for origin in conversation.origins}
    answers = samples.answers(sorted(keys - {""}))
    rows = []
    for sample, conversation in accepted:
        source, question = sources[sample["place"]], conversation.question
        taught: dict[str, float] = {}
        fault: Fault = "no_logprobs"
        (origin,) = conversation.origins
        answer = answers.get(origin.request_key) if origin.by == "teacher" else None
        if answer is not None and spell is not None and answer["topk_ids"]:
            if spell(answer["token_ids"]).strip() != answer["text"].strip():
                fault = "other_text"
            else:
                found = source.kind.label_probabilities(source.data, sample, question, answer, spell)
                taught, fault = (found, "") if isinstance(found, dict) else ({}, found)
        rows.append(
            TextRow(
                sample["sample_id"],
                sample["seed_id"],
                question,
                text_ids(tokenizer, question),
                labels.index(sample["answer"]),
                [taught[label] for label in labels] if taught else (),
                fault,
                source.weight,
                source.name,
            )
        )
    return rows
