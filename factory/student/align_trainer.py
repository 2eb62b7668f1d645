"""Alignment: the student's hidden states are drawn towards the teacher's, with no divergence, and with
cross-entropy where it counts (`Align.as_distill` weighs the one against the other)."""

from dataclasses import replace

import torch

from factory.student.distill_trainer import DistillTrainer
from factory.student.objective import Objective
from factory.student.online_distill_trainer import OnlineDistillTrainer


class AlignTrainer(DistillTrainer):
    """Learns the states of a cache. `answers`: whether cross-entropy counts."""

    answers = False

    def objective(self, inputs: dict[str, torch.Tensor], step: int) -> Objective:
        """Return the loss of a batch at a step, counted from 0."""
        return replace(super().objective(inputs, step), answers=self.answers)


class OnlineAlignTrainer(AlignTrainer, OnlineDistillTrainer):
    """Learns the states of a teacher in memory."""
