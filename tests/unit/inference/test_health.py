"""Servers that fail rest for a growing while, and come back when a probe is answered; told by a clock of the
test's own."""

import threading
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.inference import health
from factory.inference.health import FIRST_REST, IN_A_ROW, LONGEST_REST, PROBES, Health, Stopped, Turn


@dataclass
class Clock:
    """Time that goes on when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def turn(servers: Health, failed: dict[int, int] | None = None) -> Turn:
    found, _ = servers.choose(failed or {})
    assert found is not None
    return found


def fail(servers: Health, times: int) -> None:
    for _ in range(times):
        servers.failed(turn(servers))


def test_the_one_with_the_fewest_in_flight_is_next() -> None:
    servers = Health(3)
    held = [turn(servers) for _ in range(3)]
    assert [one.place for one in held] == [0, 1, 2]
    servers.answered(held[1])
    assert turn(servers).place == 1


def test_a_request_goes_where_it_has_not_failed() -> None:
    servers = Health(2)
    assert [turn(servers, {0: 1}).place for _ in range(5)] == [1] * 5


def test_failures_in_a_row_send_it_to_rest_and_an_answer_between_them_does_not() -> None:
    servers = Health(1, Clock())
    for _ in range(5):
        fail(servers, IN_A_ROW - 1)
        servers.answered(turn(servers))
    assert [servers.failed(turn(servers)) for _ in range(IN_A_ROW)] == [False] * (IN_A_ROW - 1) + [True]
    assert servers.choose({}) == (None, FIRST_REST)


def test_each_failed_probe_doubles_the_rest_up_to_the_longest() -> None:
    clock = Clock()
    servers = Health(1, clock)
    fail(servers, IN_A_ROW)
    rests = []
    for number in range(12):
        _, rest = servers.choose({})
        assert rest is not None
        rests.append(rest)
        assert servers.are_given_up() == (number >= PROBES)
        clock.now += rest
        probe = turn(servers)
        assert probe.probe
        servers.failed(probe)
    assert rests == [min(LONGEST_REST, FIRST_REST * 2**number) for number in range(12)]
    clock.now += LONGEST_REST
    assert servers.answered(turn(servers)) and not servers.are_given_up()
    fail(servers, IN_A_ROW)
    assert servers.choose({}) == (None, FIRST_REST)


def test_one_request_probes_and_the_others_wait_for_it() -> None:
    clock = Clock()
    servers = Health(1, clock)
    fail(servers, IN_A_ROW)
    clock.now += FIRST_REST
    probe = turn(servers)
    assert servers.choose({}) == (None, None)
    servers.answered(probe)
    assert not turn(servers).probe


def test_no_request_that_failed_elsewhere_is_risked_on_a_probe() -> None:
    clock = Clock()
    servers = Health(2, clock)
    for _ in range(IN_A_ROW):
        servers.failed(turn(servers, {1: 1}))
    clock.now += FIRST_REST
    assert turn(servers, {0: 1}) == Turn(1, probe=False)
    assert turn(servers) == Turn(0, probe=True)


def test_what_was_sent_before_the_rest_neither_lengthens_it_nor_is_lost_on_it() -> None:
    servers = Health(1, Clock())
    held = [turn(servers) for _ in range(IN_A_ROW + 20)]
    assert [servers.failed(one) for one in held[:-1]].count(True) == 1
    assert servers.choose({}) == (None, FIRST_REST)
    assert servers.answered(held[-1])
    assert not turn(servers).probe


@pytest.mark.parametrize(("asked", "given"), [(0.0, FIRST_REST), (20.0, 20.0), (1e9, LONGEST_REST)])
def test_a_named_rest_is_kept_at_once_within_bounds(asked: float, given: float) -> None:
    servers = Health(1, Clock())
    assert servers.failed(turn(servers), asked)
    assert servers.choose({}) == (None, given)


def test_whoever_waits_is_told_when_the_run_ends() -> None:
    servers = Health(1)
    servers.failed(turn(servers), LONGEST_REST)
    stopped = []

    def wait() -> None:
        try:
            servers.take({})
        except Stopped as error:
            stopped.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    servers.stop()
    waiter.join()
    assert len(stopped) == 1
    with pytest.raises(Stopped):
        servers.pause(LONGEST_REST)


@given(st.integers(1, 4), st.data())
def test_whatever_happens_somebody_can_be_asked_once_all_rests_are_over(
    count: int, data: st.DataObject
) -> None:
    clock = Clock()
    servers = Health(count, clock)
    held: list[Turn] = []
    for _ in range(data.draw(st.integers(0, 60))):
        clock.now += data.draw(st.floats(0, 2 * health.LONGEST_REST))
        if held and data.draw(st.booleans()):
            one = held.pop(data.draw(st.integers(0, len(held) - 1)))
            (servers.answered if data.draw(st.booleans()) else servers.failed)(one)
        else:
            found, _ = servers.choose(
                data.draw(st.dictionaries(st.integers(0, count - 1), st.integers(1, 5)))
            )
            held += [found] if found else []
    probes = [one.place for one in held if one.probe]
    assert len(probes) == len(set(probes))
    for one in held:
        servers.failed(one)
    clock.now += health.LONGEST_REST
    assert servers.choose({})[0] is not None
