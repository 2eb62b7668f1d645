"""Runs a plan: begins episodes in order, stored answers first, judges tasks in order, and records why it
ended.

Promise: the same recipe, seeds and answers give the same episodes. After a kill or an edit the plan is
replayed from the start; only unanswered requests are sent. A committed answer is never asked for again, and
an error is an answer too. But where the seeds give no more, a later run retries the tasks that only hit
transient errors, after all others, so that earlier verdicts stay valid. Up to `MOST_TRIES` later runs do so.
Memory: the key of each request, the samples of tasks that are not judged yet, and what the checks remember;
results are handed on episode by episode.
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from factory.checks.suite import CheckedSample, CheckSuite
from factory.context.plan import Plan
from factory.generate.answers import Answers
from factory.generate.failures import FEW, Failures
from factory.generate.shortfall import Rejections
from factory.inference.request import Answer, Request
from factory.inference.storable import storable
from factory.store.store import Store
from factory.tasks.sample import Sample, Task, identified
from factory.tasks.taskset import Episode

FEWEST_JUDGED = 16
MOST_REPEATED = (
    1000  # episodes in a row that ask what was asked before: such a stream has nothing more to give
)
MOST_TRIES = 3
NO_MORE = "the seeds give no more new questions"
MISSING = "an answer is missing"


@dataclass
class InFlight:
    """An episode that waits for an answer, to `request`, or asks nothing. `position` counts episodes from 0,
    `keys` are the answers it had."""

    position: int
    task: Task
    draw: int
    episode: Episode
    request: Request | None = None
    needs_logprobs: bool = False
    keys: list[str] = field(default_factory=list)


@dataclass
class Update:
    """What came of answers: the new ones with their requests, the samples that were finished, the tasks that
    were judged."""

    answered: list[tuple[InFlight, Request, Answer]] = field(default_factory=list)
    finished: list[tuple[InFlight, Sample]] = field(default_factory=list)
    judged: list[CheckedSample] = field(default_factory=list)


class Scheduler:
    """One run through a recipe's plan. `sink` is given the news of each episode that was started and of each
    answer. `most_tasks` ends it early, for a look at a few tasks; without `asking` it ends at the first
    answer that is not stored: tasks after it cannot be judged yet, for the missing one may come to be
    what it is compared with."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        suite: CheckSuite,
        sink: Callable[[Update], None],
        *,
        asking: bool = True,
        most_tasks: int | None = None,
    ):
        self._plan = plan
        self._store = store
        self._suite = suite
        self._sink = sink
        self._asking = asking
        data = plan.data
        self._draws, self._wanted, self._budget, self._most_tasks = (
            data.draws,
            data.count,
            data.budget,
            most_tasks,
        )
        self._usual_requests = self._usual_limit()
        self._known = Answers(store, plan.run.teacher.name, plan.run.teacher.revision)
        self._last_stored = self._last_position() if not asking else 0
        self._tasks = self._stream()
        # Of each task that met with passing errors, the draws that did; the tasks that had nothing else, by
        # their place.
        self._unanswered: dict[int, set[int]] = {}
        self._lost: dict[int, Task] = {}
        self._tries = 0
        self._failed_now = False
        self._ready: deque[Request] = deque()
        # Of a request in flight all who wait for it: two proposals may be the same, and are then answered by
        # the same answer.
        self._running: dict[str, list[InFlight]] = {}
        self._begun = self._position = self._repeated = 0
        self._current: Task | None = None
        self._samples: dict[int, dict[int, Sample | None]] = {}
        self._pool_suite = plan.pool_suite()
        self._pool: list[tuple[int, Sample]] = []
        self._seen: set[str] = set()
        self._asked_now: set[int] = set()  # tasks that wait for their verdicts and were not all stored
        self.failures, self.rejections = Failures(), Rejections()
        self._unreadable, self._any_readable = 0, False
        self._finished = 0  # tasks that wait for the verdicts of those before them
        self.judged = self.accepted_count = 0
        self.requests = self.tokens = self.answers = 0
        self.ended = ""
        self.lost = 0  # tasks without an answer that a later run puts once more
        self._update = Update()

    def accepted(self, before: int) -> list[Sample]:
        """Return the samples among the first `before` tasks that may be shown to the teacher, in order."""
        return [sample for number, sample in self._pool if number < before]

    @property
    def expected_count(self) -> float:
        """How many samples are likely to be accepted of those that are finished: a slow task holds back the
        verdicts of all behind it."""
        return self.accepted_count * (1 + self._finished / self.judged) if self.judged else 0.0

    def open_requests(self) -> Iterator[Request | None]:
        """Yield what has to be asked; None while the next request depends on answers in flight."""
        while True:
            if self._ready:
                yield self._ready.popleft()
            elif self._begin():
                continue
            elif self._running:
                yield None
            else:
                return

    def receive(self, answer: Answer) -> None:
        """Take a new answer to one of the requests."""
        # As the store will give it back: what is read out of an answer must not change when the way is gone
        # again.
        answer = storable(answer)
        waiting = self._running.pop(answer.key)
        assert waiting[0].request is not None
        self._update.answered.append((waiting[0], waiting[0].request, answer))
        self._known.add(answer, needs_logprobs=any(running.needs_logprobs for running in waiting))
        self._counted(answer)
        self._failed_now |= answer.may_come_later
        for running in waiting:
            self._asked_now.add(running.position // self._draws)
            self._answered(running, answer)
        self._hand_on()

    def _hand_on(self) -> None:
        update, self._update = self._update, Update()
        self._sink(update)

    def _stream(self) -> Iterator[Task | None]:
        """Yield the kind's tasks, then round by round those that were lost, in order; None while one in
        flight may still be."""
        yield from self._plan.taskset.tasks(self)
        for _ in range(MOST_TRIES):
            while self._running:
                yield None
            again, self._lost = [task for _, task in sorted(self._lost.items())], {}
            # A round is complete or absent, or a replay of the plan would differ.
            if self._failed_now:
                self.lost = len(again)
                return
            self._tries += 1
            yield from again

    def _begin(self) -> bool:
        """Begin the next episode and go on with stored answers as far as they reach; False if there is none
        to begin now."""
        if self._current is None or self._position % self._draws == 0:
            if self._is_over() or self._is_enough_under_way() or self.failures.are_hopeless:
                return False
            task = next(self._tasks, None) if not self.ended else None
            if task is None:
                # A stream that has ended gives nothing to wait for; one that waits has something in flight.
                if not self._running and not self.ended:
                    self.ended = NO_MORE
                return False
            self._current = task
            self._begun += 1
        position, draw = self._position, self._position % self._draws + self._draws * self._tries
        self._position += 1
        episode = self._plan.episode(self._current, draw)
        running = InFlight(position, self._current, draw, episode)
        try:
            ask = next(episode)
        except StopIteration as end:
            # Nobody has to be asked.
            self._repeated = 0
            self._made(running, end.value)
        else:
            running.request = self._plan.request(ask, draw)
            running.needs_logprobs = ask.needs_logprobs
            self._go_on(running)
        self._hand_on()
        return True

    def _is_over(self) -> bool:
        if not self.ended:
            if not self._asking:
                self.ended = "all that is stored was judged" if self._position > self._last_stored else ""
            elif self._most_tasks is None and self.accepted_count >= self._wanted:
                self.ended = "enough is accepted"
            elif self._budget.requests is not None and self.requests >= self._budget.requests:
                self.ended = f"the budget of {self._budget.requests} requests is used up"
            elif self._budget.tokens is not None and self.tokens >= self._budget.tokens:
                self.ended = f"the budget of {self._budget.tokens} tokens is used up"
            elif self._usual_requests is not None and self.requests >= self._usual_requests:
                self.ended = f"the default budget of {self._usual_requests} requests is used up"
            elif self._repeated >= MOST_REPEATED:
                self.ended = NO_MORE
            elif self._most_tasks is not None and self._begun >= self._most_tasks:
                self.ended = f"{self._most_tasks} tasks were tried"
        return bool(self.ended)

    def _is_enough_under_way(self) -> bool:
        """Whether what was started will do, at the share that was accepted so far, or if all were accepted
        where too few were judged to tell: a slow task holds back the verdicts of all behind it, and without
        this everything that is started meanwhile would be too much.
        """
        if not self._running or self._most_tasks is not None:
            return False
        # Verdicts wait for the slowest task: until there are some, faults tell whether to ask on.
        if self._unreadable >= FEW and not self._any_readable:
            return True
        if self.judged < FEWEST_JUDGED:
            return self._begun >= max(self._wanted / self._draws, FEWEST_JUDGED)
        return self.accepted_count * self._begun >= self._wanted * self.judged

    def _go_on(self, running: InFlight) -> None:
        assert running.request is not None
        key = running.request.key
        new = key not in self._seen
        if not new and not running.keys:
            # The same question again, under another reference: its answer is there, and is read already.
            self._repeated += 1
            self._finish(running, None)
            return
        self._repeated = 0
        self._seen.add(key)
        self.requests += new
        if (answer := self._known.get(key)) is not None:
            if new:
                self._counted(answer)
            self._answered(
                running, self._known.with_distribution(answer) if running.needs_logprobs else answer
            )
        elif key in self._running:
            self._running[key].append(running)
        elif self._asking:
            self._running[key] = [running]
            self._ready.append(running.request)
        else:
            self.ended = MISSING

    def _counted(self, answer: Answer) -> None:
        self.answers += 1
        self.tokens += answer.prompt_tokens + answer.completion_tokens

    def _answered(self, running: InFlight, answer: Answer) -> None:
        running.keys.append(answer.key)
        if answer.may_come_later:
            number = running.position // self._draws
            self._unanswered.setdefault(number, set()).add(running.draw)
            if len(self._unanswered[number]) == self._draws:
                self._lost[number] = running.task
        try:
            ask = running.episode.send(answer)
        except StopIteration as end:
            self._made(running, end.value, answer.detail)
            return
        running.request, running.needs_logprobs = self._plan.request(ask, running.draw), ask.needs_logprobs
        self._go_on(running)

    def _made(self, running: InFlight, made: Sample, detail: str = "") -> None:
        sample = identified(made, running.keys)
        if sample.fault is not None and not sample.detail:
            sample = dataclasses.replace(sample, detail=detail)
        self._update.finished.append((running, sample))
        self._finish(running, sample)

    def _finish(self, running: InFlight, sample: Sample | None) -> None:
        if sample is not None:
            self._any_readable |= sample.fault is None
            self._unreadable += running.position // self._draws in self._asked_now
        drawn = self._samples.setdefault(running.position // self._draws, {})
        drawn[running.draw] = sample
        self._finished += len(drawn) == self._draws
        while len(draws := self._samples.get(self.judged, {})) == self._draws:
            samples = [sample for _, sample in sorted(draws.items()) if sample is not None]
            checked = self._suite.judge(samples)
            self._update.judged += checked
            self.accepted_count += sum(one.accepted for one in checked)
            self.failures.add(checked, asked_now=self.judged in self._asked_now)
            self.rejections.add(checked)
            self._asked_now.discard(self.judged)
            if self._pool_suite:
                shown = self._pool_suite.judge(samples)
                self._pool += [(self.judged, checked.sample) for checked in shown if checked.accepted]
            del self._samples[self.judged]
            self._finished -= 1
            self._unanswered.pop(self.judged, None)
            self.judged += 1

    def _usual_limit(self) -> int | None:
        """Return the default budget: what was asked before there was one is still used, all of it."""
        if (usual := self._plan.source.usual_requests) is None:
            return None
        (row,) = self._store.query(
            "SELECT count(DISTINCT request_key) AS n FROM (SELECT request_key FROM plan_items "
            "WHERE plan_id = $plan UNION ALL SELECT request_key FROM turns WHERE plan_id = $plan)",
            {"plan": self._plan.plan_id},
        )
        return max(usual, int(row["n"]))

    def _last_position(self) -> int:
        (row,) = self._store.query(
            "SELECT max(position) AS last FROM plan_items WHERE plan_id = ?", [self._plan.plan_id]
        )
        return -1 if row["last"] is None else int(row["last"])
