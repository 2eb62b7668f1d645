"""Validation loss and agreement with the teacher.

Numbers: `exact`, the share of the samples of which every token that would be learnt is the student's
likeliest, in all rows of a sample: what greedy decoding would get right to the letter, without decoding;
`cross_entropy` in nats over all that would be learnt; `divergence`, the forward KL divergence from
the teacher in nats, and `top1`, the share of positions where both have the same likeliest token, over what
the teacher wrote. Promise: they do not depend on phase, schedule or weights, so that those of one stage can
be compared: temperature 1, the teacher's whole distribution where it can be had, the stored top k and one
outcome for all others where not. Seeds are set aside, not samples (`factory.seeds.split`): a sample's twins
are set aside with it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from factory.errors import FactoryError
from factory.seeds.split import TRAIN, VALIDATION, side
from factory.student.comparison import TeacherSignal
from factory.student.losses.dense import cross_entropy, divergence
from factory.student.losses.head import Head, head_loss
from factory.student.losses.sparse import sparse_kl
from factory.tasks.rows import TrainingRow

METRICS = ("exact", "cross_entropy", "divergence", "top1")
# The number by which the best student is chosen.
CHOICE = "worth"


def set_aside(
    rows: Sequence[TrainingRow], share: float, largest: float, *, distilled: bool
) -> tuple[list[int], list[int]]:
    """Return the places of the rows to learn from and of those to watch; FactoryError if one side would be
    empty.

    `share` of the seeds are watched, none where it is 0; none of the `largest` share that any stage watches
    is learnt from, because what one stage has learnt tells nothing in another. `distilled`: at least one row
    to watch has to hold words of the teacher's.
    """
    learnt = [place for place, row in enumerate(rows) if side(row.seed, largest) == TRAIN]
    watched = [place for place, row in enumerate(rows) if side(row.seed, share) == VALIDATION]
    seeds = len({row.seed for row in rows})
    if not learnt or (share and not any(rows[place].spans or not distilled for place in watched)):
        raise FactoryError(
            f"validation.share: {largest:g} of {seeds} seeds leaves {len(learnt)} rows to learn from "
            f"and {len(watched)} to validate on",
            "Choose another share, make more data, or remove validation.",
        )
    return learnt, watched


@dataclass(frozen=True)
class Agreement:
    """The sums behind the numbers, of one batch: to be called as an objective is, with what the student's
    decoder puts out.

    `targets`, `loss_mask`, `teacher_mask` are (rows, length - 1) as in `Objective`.
    """

    targets: torch.Tensor
    loss_mask: torch.Tensor
    teacher_mask: torch.Tensor
    known: TeacherSignal
    wants_layers: bool = False

    def __call__(self, output: Any, head: Head) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (5,): cross-entropy and its positions, divergence, agreeing positions and all positions of
        the teacher's; and how many tokens each row (rows,) has wrong."""
        hidden = output.last_hidden_state[:, -(self.targets.shape[1] + 1) : -1]
        targets, rows = self.targets[self.loss_mask], self.loss_mask.nonzero()[:, 0]

        def answers(logits: torch.Tensor, span: slice) -> torch.Tensor:
            missed = (logits.argmax(1) != targets[span]).to(logits.dtype)
            by_row = logits.new_zeros(len(self.targets)).index_add(0, rows[span], missed)
            return torch.cat([cross_entropy(logits, targets[span]).sum()[None], by_row])

        _, (nll, *missed) = head_loss(
            hidden[self.loss_mask], head, lambda logits, span: self._only(answers(logits, span))
        )
        sums, by_row = [float(nll), len(targets), 0.0, 0.0, 0], torch.stack(missed).double()
        if known := int(self.teacher_mask.sum()):
            _, (kl, same) = head_loss(
                hidden[self.teacher_mask],
                head,
                lambda logits, span: self._only(self._agreement(logits, span)),
            )
            sums[2:] = [float(kl), float(same), known]
        return torch.tensor(sums, dtype=torch.float64), by_row

    @staticmethod
    def _only(parts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return parts[0], parts

    def _agreement(self, logits: torch.Tensor, span: slice) -> torch.Tensor:
        known = self.known
        if known.hidden is not None and known.head is not None:
            teacher = known.head.logits(known.hidden[span]).to(logits.dtype)
            kl, likeliest = divergence(logits, teacher, beta=0.0, temperature=1.0), teacher.argmax(1)
        else:
            assert known.ids is not None and known.logprobs is not None
            kl, likeliest = (
                sparse_kl(logits, known.ids[span], known.logprobs[span], tail="bucket"),
                known.ids[span, 0],
            )
        return torch.stack([kl.sum(), (logits.argmax(1) == likeliest).sum().to(kl.dtype)])


def numbers(sums: torch.Tensor, missed: torch.Tensor) -> dict[str, float]:
    """Return the numbers of summed batches, `missed` tokens by sample; those of the teacher only where it is
    known."""
    nll, learnt, kl, same, known = sums.tolist()
    found = {"exact": float((missed == 0).double().mean()), "cross_entropy": nll / learnt} if learnt else {}
    return found | ({"divergence": kl / known, "top1": same / known} if known else {})


def worth(seen: Mapping[str, float], samples: int) -> float:
    """Return one number from 0 to 1 that orders students: by `exact` in steps of its standard error, taken
    where half is right, and on one step by cross-entropy: of few samples one more that is right is chance."""
    steps = 2 * math.sqrt(samples)
    reached = math.floor(seen["exact"] * steps + 1e-9)
    return (reached + math.exp(-seen["cross_entropy"])) / (steps + 1)
