"""Progress line and summary of a generation: answers, tokens a second, accepted samples, time left."""

import time

from factory.context.plan import Plan
from factory.generate.scheduler import Scheduler, Update
from factory.system.progress import duration
from factory.tasks.sample import Sample


class Meter:
    """Counts answers and keeps the progress line."""

    def __init__(self, plan: Plan):
        self._progress = plan.run.progress
        self._wanted = plan.data.count
        self._accepted_before = self._answers_before = self._done = self._tokens = 0
        self._shown = False
        self._started = time.monotonic()

    def start(self, scheduler: Scheduler) -> None:
        """Begin to count: what the scheduler has was there already."""
        self._accepted_before, self._answers_before = scheduler.accepted_count, scheduler.answers
        self._started = time.monotonic()
        if self._answers_before:
            self._progress.say(f"  {self._answers_before} answers were there already")

    def add(self, update: Update) -> None:
        """Count an update, and show the first sample that is accepted."""
        self._done += len(update.answered)
        self._tokens += sum(answer.completion_tokens for _, _, answer in update.answered)
        for checked in update.judged:
            if checked.accepted and not self._shown:
                self._shown = True
                # In a resumed run the first one was shown by the earlier run.
                if self._done:
                    self._progress.say(
                        f"  first accepted: {checked.sample.task.question}  →  {_shortened(checked.sample)}"
                    )

    def show(self, scheduler: Scheduler) -> None:
        """Show how far it is."""
        seconds = max(time.monotonic() - self._started, 1e-9)
        accepted = scheduler.accepted_count
        gained = scheduler.expected_count - self._accepted_before
        left = (
            duration(seconds / gained * max(0, self._wanted - scheduler.expected_count)) + " left"
            if gained > 0
            else "…"
        )
        share = (
            f"{accepted / scheduler.judged:.0%} of tasks accepted" if scheduler.judged else "none judged yet"
        )
        self._progress.update(
            f"  generate  {accepted}/{self._wanted} samples  {self._answers_before + self._done} answers  "
            f"{self._done / seconds:.1f} answers/s  {self._tokens / seconds:.0f} tokens/s  {share}  {left}"
        )

    def summary(self, scheduler: Scheduler) -> str:
        """Return the line that sums up what was done."""
        accepted = f"{scheduler.accepted_count} samples accepted, {self._wanted} asked for: {scheduler.ended}"
        if scheduler.lost:
            accepted += f"; {scheduler.lost} found no answer this time, and are asked again by the next run"
        if not self._done:
            return f"nothing to ask; {accepted}"
        rate = f"{self._tokens / max(time.monotonic() - self._started, 1e-9):.0f} tokens/s"
        return f"{self._done} answers, {self._tokens} tokens, {rate}; {accepted}"


def _shortened(sample: Sample) -> str:
    if isinstance(sample.call, dict):
        return f"{sample.call['arguments']}  →  {sample.result}"
    text = sample.answer or sample.text
    return " ".join(text.split())[:160]
