"""Which of the positions that the teacher is known at are learnt from: where it can be trusted, where the
student needs it.

Promise: chosen by what one pass without gradient shows of a batch, in several processes of each one's part of
it.
"""

import math
from dataclasses import dataclass

import torch

from factory.student.comparison import TeacherSignal
from factory.student.losses.head import Head, by_position
from factory.tasks.rows import IGNORED

# An unlabelled row is trusted if the teacher is surer than this of each of its tokens.
SURE = 0.5
_LEAST = 0.01  # nats, so that a ratio of two small losses is none


@dataclass(frozen=True)
class Look:
    """What is seen at n positions: the student's entropy, both losses on the next token (nan without a
    label), the teacher's confidence, whether both have the same likeliest token."""

    entropy: torch.Tensor
    loss: torch.Tensor
    teacher_loss: torch.Tensor
    confidence: torch.Tensor
    agrees: torch.Tensor

    @classmethod
    def at(cls, hidden: torch.Tensor, head: Head, known: TeacherSignal, targets: torch.Tensor) -> "Look":
        """Look at positions: the student's states (n, width), and the next tokens (n,)."""

        def seen(logits: torch.Tensor, span: slice) -> torch.Tensor:
            own, token = logits.log_softmax(1), targets[span]
            labelled = token != IGNORED
            ids, theirs = known.at(span).distribution(logits.dtype)
            if ids is None:
                theirs = theirs.log_softmax(1)
                best, likeliest = theirs.max(1)
                # Vocabularies may be padded to two sizes.
                told = theirs.gather(1, token.clamp(0, theirs.shape[1] - 1)[:, None])[:, 0]
            else:
                best, likeliest = theirs[:, 0], ids[:, 0]
                rest = (1 - theirs.exp().sum(1)).clamp(min=1e-9).log()
                found = ids == token[:, None]
                told = torch.where(found.any(1), theirs.masked_fill(~found, -math.inf).amax(1), rest)
            mine = own.gather(1, token.clamp(min=0)[:, None])[:, 0]
            columns = [
                torch.special.entr(own.exp()).sum(1),
                torch.where(labelled, -mine, math.nan),
                torch.where(labelled, -told, math.nan),
                best.exp(),
                own.argmax(1) == likeliest,
            ]
            return torch.stack([column.double() for column in columns], dim=1)

        return cls(*by_position(hidden, head, seen, 5).unbind(1))


@dataclass(frozen=True)
class Selection:
    """`trust`: where the teacher can be trusted; `focus`: at the share of the positions where the student is
    least sure; `behind`: in the share of the rows where the student's loss is highest beside the
    teacher's."""

    trust: bool = False
    focus: float | None = None
    behind: float | None = None

    def looks(self, unlabelled: bool) -> bool:
        """Whether a batch has to be looked at first; `unlabelled`: it has positions without a label."""
        return (self.trust and unlabelled) or self.focus is not None or self.behind is not None

    def of(self, look: Look, rows: torch.Tensor) -> torch.Tensor:
        """Return which positions (n,) count; `rows` (n,) are the rows that they stand in."""
        kept = torch.ones_like(rows, dtype=torch.bool)
        unlabelled = look.loss.isnan()
        if self.trust:
            unsure = rows[unlabelled & (look.confidence <= SURE)].unique()
            kept &= ~(unlabelled & torch.isin(rows, unsure))
        if self.behind is not None:
            ratios = {
                int(row): _ratio(look.loss[rows == row], look.teacher_loss[rows == row])
                for row in rows[~unlabelled].unique()
            }
            least = _least(list(ratios.values()), self.behind)
            ahead = [row for row, ratio in ratios.items() if ratio < least]
            kept &= ~torch.isin(rows, torch.tensor(ahead, device=rows.device, dtype=rows.dtype))
        if self.focus is not None:
            kept &= look.entropy >= _least(look.entropy.tolist(), self.focus)
        return kept


def _ratio(loss: torch.Tensor, teacher_loss: torch.Tensor) -> float:
    return float((loss.nanmean() + _LEAST) / (teacher_loss.nanmean() + _LEAST))


def _least(values: list[float], share: float) -> float:
    """Return the smallest of the highest `share` of the values."""
    return sorted(values, reverse=True)[math.ceil(share * len(values)) - 1] if values else 0.0
