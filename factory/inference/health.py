"""Health of several servers: a circuit breaker for each, and the choice of the next one.

Promise: a server that failed `IN_A_ROW` times in a row rests; when its rest is over, one request probes it:
an answer wakes it, a failure lets it rest twice as long, up to `LONGEST_REST`. A server that names a time to
wait (Retry-After) rests for that time at once, at most `LONGEST_REST`. Among those awake the one with the
fewest requests in flight is next, so a server that hangs holds no more than its share. A request that has
failed is not what a resting server is probed with, unless all of them rest. Safe to use from many threads.
Not promised: fairness between requests that wait.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

IN_A_ROW, PROBES = 3, 5
FIRST_REST, LONGEST_REST = 1.0, 60.0  # seconds


class Stopped(Exception):
    """The run has ended while a request waited for its turn."""


@dataclass(frozen=True)
class Turn:
    """Leave to ask the server at `place` once; `probe` if that server rests."""

    place: int
    probe: bool


@dataclass
class _State:
    in_flight: int = 0
    in_a_row: int = 0
    failed_probes: int = 0
    wakes_at: float | None = None
    probed: bool = False


class Health:
    """The state of `count` servers, all awake at first. `clock` gives seconds that only grow."""

    def __init__(self, count: int, clock: Callable[[], float] = time.monotonic):
        self._states = [_State() for _ in range(count)]
        self._clock = clock
        self._next = 0
        self._stopped = False
        self._changed = threading.Condition()

    def take(self, failed: Mapping[int, int]) -> Turn:
        """Return the next turn for a request, which `failed` so often at which place; wait while all rest.
        Raises Stopped."""
        with self._changed:
            while True:
                if self._stopped:
                    raise Stopped
                turn, seconds = self.choose(failed)
                if turn is not None:
                    return turn
                self._changed.wait(seconds)

    def choose(self, failed: Mapping[int, int]) -> tuple[Turn | None, float | None]:
        """Return a turn, or None and the seconds until there may be one (None: when a probe has ended). Does
        not wait."""
        with self._changed:
            now, states = self._clock(), self._states
            awake = [place for place, state in enumerate(states) if state.wakes_at is None]
            resting = {
                place: state.wakes_at
                for place, state in enumerate(states)
                if state.wakes_at is not None and not state.probed
            }
            due = [place for place, wakes_at in resting.items() if wakes_at <= now]
            if due and not (awake and failed):
                place = min(due, key=lambda place: (failed.get(place, 0), resting[place]))
                states[place].probed = True
                states[place].in_flight += 1
                return Turn(place, probe=True), None
            if awake:
                size = len(states)
                place = min(
                    awake,
                    key=lambda place: (
                        failed.get(place, 0),
                        states[place].in_flight,
                        (place - self._next) % size,
                    ),
                )
                self._next = (place + 1) % size
                states[place].in_flight += 1
                return Turn(place, probe=False), None
            return None, min(resting.values()) - now if resting else None

    def answered(self, turn: Turn) -> bool:
        """Take note that the server answered; return whether that woke it."""
        with self._changed:
            state = self._leave(turn)
            woke = state.wakes_at is not None
            state.in_a_row = state.failed_probes = 0
            state.wakes_at = None
            return woke

    def failed(self, turn: Turn, rest: float | None = None) -> bool:
        """Take note that the server failed, and asks for `rest` seconds; return whether that sent it to
        rest."""
        with self._changed:
            state = self._leave(turn)
            # A request sent before the rest brings no news.
            if state.wakes_at is not None and not turn.probe:
                return False
            state.in_a_row += 1
            state.failed_probes += turn.probe
            if turn.probe or rest is not None or state.in_a_row >= IN_A_ROW:
                own = FIRST_REST * 2 ** min(state.failed_probes, 30)
                state.wakes_at = self._clock() + min(LONGEST_REST, max(own, rest or 0.0))
                return not turn.probe
            return False

    def rest(self, place: int) -> None:
        """Let a server rest that could not be reached at the start."""
        with self._changed:
            self._states[place].wakes_at = self._clock() + min(LONGEST_REST, FIRST_REST)

    def are_given_up(self) -> bool:
        """Return whether every server rests and has failed `PROBES` probes in a row."""
        with self._changed:
            return all(state.wakes_at is not None and state.failed_probes >= PROBES for state in self._states)

    def pause(self, seconds: float) -> None:
        """Wait, unless the run ends meanwhile: then raise Stopped."""
        with self._changed:
            if self._changed.wait_for(lambda: self._stopped, seconds):
                raise Stopped

    def start(self) -> None:
        """Begin a run, in which no request of an earlier one is in flight."""
        with self._changed:
            self._stopped = False
            for state in self._states:
                state.in_flight, state.probed = 0, False

    def is_stopped(self) -> bool:
        """Return whether the run has ended."""
        with self._changed:
            return self._stopped

    def stop(self) -> None:
        """End the run: every waiting or later caller gets Stopped."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _leave(self, turn: Turn) -> _State:
        state = self._states[turn.place]
        state.in_flight -= 1
        state.probed = state.probed and not turn.probe
        self._changed.notify_all()
        return state
