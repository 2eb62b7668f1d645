"""Batches from token rows: padded in a matrix, end to end where only positions count; and
which rows go together."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Sampler

from factory.tasks.rows import IGNORED

_SPREAD = 50  # batches whose rows are sorted together: more pads less and shuffles less


class Collator:
    """Pads rows on the right: input_ids, attention_mask, labels, and weights where some tokens count more
    than others; for distillation `spans` (spans, 3), which say in which row, from where and how far the
    teacher's words go, `teacher_mask` (rows, length) of the same, and what is known of the teacher there: the
    stored distribution of every position, (positions, k), row after row; its side of the conversation for
    each span. A batch without such words has one span of length 0. `openings` (places, 3) says in the same
    way where a call begins that the teacher might not have made.
    """

    def __init__(self, pad_token_id: int):
        self._pad = pad_token_id

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch = self.padded("input_ids", "attention_mask", [row["input_ids"] for row in rows])
        batch["labels"] = pad_sequence(
            [torch.tensor(row["labels"]) for row in rows], batch_first=True, padding_value=IGNORED
        )
        if "weights" in rows[0]:
            batch["weights"] = pad_sequence(
                [torch.tensor(row["weights"], dtype=torch.float32) for row in rows], batch_first=True
            )
        for name in ("row", "sample"):
            if name in rows[0]:
                batch[name] = torch.tensor([row[name] for row in rows])
        if "spans" in rows[0]:
            places = [[number, *span] for number, row in enumerate(rows) for span in row["spans"]]
            batch["spans"] = torch.tensor(places or [[0, 1, 0]])
            batch["teacher_mask"] = marked(batch["input_ids"].shape, batch["spans"])
        if "openings" in rows[0]:
            places = [[number, start, 1] for number, row in enumerate(rows) for start in row["openings"]]
            batch["openings"] = torch.tensor(places or [[0, 1, 0]])
        if "topk_ids" in rows[0]:
            positions = [
                (ids, logs)
                for row in rows
                for ids, logs in zip(row["topk_ids"], row["topk_logprobs"], strict=True)
            ]
            # A batch of labels alone has no such position.
            ids, logprobs = (
                [torch.tensor(one) for one in side] for side in zip(*positions or [([0], [0.0])], strict=True)
            )
            batch["topk_ids"] = pad_sequence(ids, batch_first=True)[: len(positions)]
            batch["topk_logprobs"] = pad_sequence(logprobs, batch_first=True, padding_value=-torch.inf)[
                : len(positions)
            ]
        if "teacher_ids" in rows[0]:
            read = [ids for row in rows for ids in row["teacher_ids"]]
            batch |= self.padded("teacher_ids", "teacher_attention_mask", read or [rows[0]["input_ids"][:1]])
        return batch

    def padded(
        self, name: str, mask: str, lists: Sequence[list[int]], *, left: bool = False
    ) -> dict[str, torch.Tensor]:
        """Return the lists as one tensor (rows, longest) and its mask."""
        side, tensors = "left" if left else "right", [torch.tensor(ids, dtype=torch.long) for ids in lists]
        return {
            name: pad_sequence(tensors, batch_first=True, padding_value=self._pad, padding_side=side),
            mask: pad_sequence(
                [torch.ones_like(ids) for ids in tensors], batch_first=True, padding_side=side
            ),
        }


class LengthGroups(Sampler[int]):
    """All rows in an order in which rows of like length are together, another one in each epoch.

    The order follows from seed and epoch alone, so that a run that resumes from a checkpoint takes the same
    rows.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int):
        self._lengths, self._batch_size, self._seed, self._epoch = lengths, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch, counted from 0."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        chance = random.Random(f"{self._seed} {self._epoch}")
        order = chance.sample(range(len(self._lengths)), len(self._lengths))
        width = self._batch_size * _SPREAD
        batches = []
        for start in range(0, len(order), width):
            group = sorted(order[start : start + width], key=self._lengths.__getitem__, reverse=True)
            batches += [group[at : at + self._batch_size] for at in range(0, len(group), self._batch_size)]
        # A batch that is not full has to come last.
        full = [batch for batch in batches if len(batch) == self._batch_size]
        rest = [batch for batch in batches if len(batch) < self._batch_size]
        return iter([index for batch in [*chance.sample(full, len(full)), *rest] for index in batch])


def marked(shape: Sequence[int], places: torch.Tensor) -> torch.Tensor:
    """Return a (rows, columns) mask that is true at `places` (spans, 3): row, start, length."""
    mask = torch.zeros(tuple(shape), dtype=torch.bool, device=places.device)
    for row, start, length in places.tolist():
        mask[row, start : start + length] = True
    return mask


def spans(shape: Sequence[int], starts: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return a (rows, columns) mask that is true from each row's start for its length."""
    columns = torch.arange(shape[1], device=starts.device)
    return (columns >= starts[:, None]) & (columns < (starts + lengths)[:, None])
