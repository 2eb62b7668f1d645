"""A model behind OpenAI-compatible servers (vLLM, a cluster behind Ray Serve, llm-d or Dynamo): requests go
to whichever server is healthy.

Promise: the same answers are stored as from a model in the process. Logprobs are kept where the server gives
them; token ids where it is vLLM, which can spell tokens as ids. A server that refuses the connection, hangs,
sends garbage or fails costs an attempt, and the request moves to another; one that keeps failing rests
(`factory.inference.health`). Every attempt is in the answer. The first request is sent alone, so that what a
server does not take is found out once. A request that a server finds wrong (400, 413, 422) is an answer with
the error `refused_400`, unless it refuses a harmless one as well: then the run stops with the server's
sentence. After `ATTEMPTS` failures of a request, one that was answered before is sent again: if the servers
still answer that one, the failed one is asked once more, and then is an answer with the error `failed_…`; if
not, the servers are at fault and the run stops, as it does when all of them are given up. Any other refusal
is about the whole run and stops it. What was answered by then is handed out first. The key is read from the
environment for each run and stays inside. Not promised: that a server's logprobs are taken before its
grammar; vLLM's are taken after it.
"""

import concurrent.futures
import dataclasses
import datetime
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from factory.errors import FactoryError
from factory.inference.completion import Completion
from factory.inference.health import Health, Turn
from factory.inference.request import Answer, Attempt, Request
from factory.inference.server import Busy, Failure, Refused, Server
from factory.text.reasons import RequestError

ATTEMPTS, FIRST_PAUSE, REFUSED_IN_A_ROW = 5, 0.5, 5
Asked: TypeAlias = concurrent.futures.Future[Answer]
_HINT = "All answers so far are stored; run the same command again to continue."


class Endpoint:
    """Servers that all serve `model`. `concurrency` requests are in flight at once, over all servers
    together; a server may stay silent for `timeout_s` seconds; `tools` are called by the servers' own tool
    calling; `say` gets a message when one begins to rest
    and when it is back."""

    def __init__(
        self,
        model: str,
        urls: tuple[str, ...],
        *,
        api_key_env: str | None,
        concurrency: int,
        timeout_s: float,
        say: Callable[[str], None],
        extra_body: dict[str, Any] | None = None,
        tools: list[dict[str, Any]] | None = None,
    ):
        key = os.environ.get(api_key_env, "").strip() if api_key_env else ""
        if api_key_env and not key:
            raise FactoryError(
                f"the environment variable {api_key_env} (teacher.api_key_env) is not set",
                f"export {api_key_env}=…",
            )
        if not (key.isascii() and key.isprintable()):
            raise FactoryError(
                f"the environment variable {api_key_env} (teacher.api_key_env) contains characters "
                "that are not valid in a key",
                "Use printable ASCII characters only.",
            )
        self._concurrency = concurrency
        self._say = say
        self._notes: deque[str] = deque()
        self._told: set[str] = set()
        self._servers = [
            Server(
                url, model, key=key, timeout_s=timeout_s, extra_body=extra_body, tools=tools, tell=self._note
            )
            for url in urls
        ]
        self._health = Health(len(urls))
        self._answered: Request | None = None
        self._refused, self._tried = 0, False  # requests in a row; whether one has come back
        self._asking_why = threading.Lock()
        self._connect()

    def answer(self, requests: Iterable[Request | None]) -> Iterator[Answer]:
        """Yield answers as they end; FactoryError, after those that were in flight, if the servers fail or
        refuse to work."""
        waiting = iter(requests)
        failure: BaseException | None = None
        self._health.start()
        with concurrent.futures.ThreadPoolExecutor(self._concurrency) as pool:
            running: set[Asked] = set()
            try:
                while self._fill(pool, running, waiting, failure):
                    done, running = concurrent.futures.wait(
                        running, return_when=concurrent.futures.FIRST_COMPLETED
                    )
                    self._tried = True
                    self._say_notes()
                    failure = failure or next(
                        (error for future in done if (error := future.exception())), None
                    )
                    if failure is not None:
                        self._health.stop()
                    for future in done:
                        # A server must not be idle until all that ended together is read and stored.
                        self._fill(pool, running, waiting, failure)
                        if not future.exception():
                            yield future.result()
            finally:
                self._say_notes()
                self._health.stop()
                pool.shutdown(wait=False, cancel_futures=True)
        if failure is not None:
            raise failure

    def _fill(
        self,
        pool: concurrent.futures.ThreadPoolExecutor,
        running: set[Asked],
        waiting: Iterator[Request | None],
        failure: BaseException | None,
    ) -> set[Asked]:
        """Send what is waiting to the places that are free, unless the run has failed, and return what is in
        flight."""
        # The first is sent alone: what the server does not take is found out once.
        most = self._concurrency if self._tried else 1
        while failure is None and len(running) < most and (request := next(waiting, None)) is not None:
            running.add(pool.submit(self._ask, request))
        return running

    def _note(self, text: str) -> None:
        """Take a note for a person; servers of one kind have the same to say, once."""
        about = text.split(" ", 2)[-1]
        if about not in self._told:
            self._told.add(about)
            self._notes.append(text)

    def _say_notes(self) -> None:
        while self._notes:
            self._say(self._notes.popleft())

    def _connect(self) -> None:
        failures: dict[int, Failure] = {}
        for place, server in enumerate(self._servers):
            try:
                server.connect()
            except Failure as failure:
                failures[place] = failure
        self._say_notes()
        for place, found in failures.items():
            message = f"{self._servers[place].url} does not list its models: {found.reason}"
            if len(failures) == len(self._servers):
                raise FactoryError(message, "Is the server running there, and ready? See its log.")
            self._say(f"note: {message}; starting with the other servers")
            self._health.rest(place)

    def _ask(self, request: Request) -> Answer:
        started = time.monotonic()
        attempts: list[Attempt] = []
        failed: Counter[int] = Counter()
        held = 0
        while True:
            turn = self._health.take(failed)
            if failed[turn.place] and not turn.probe:
                self._health.pause(FIRST_PAUSE * 2 ** min(failed[turn.place] - 1, 6))
            sent_at, sent = datetime.datetime.now(datetime.UTC).replace(tzinfo=None), time.monotonic()
            completion, failure = self._put(turn, request)
            seconds = time.monotonic() - started
            outcome = failure.outcome if failure else "ok"
            attempts.append(Attempt(self._servers[turn.place].url, outcome, time.monotonic() - sent, sent_at))
            if completion is not None:
                self._answered, self._refused = request, 0
                return completion.answer(request.key, seconds, tuple(attempts))
            assert failure is not None
            if isinstance(failure, Refused):
                if self._refuses_others(turn, request):
                    raise self._refuses_all(turn, failure)
                return _no_answer(request, failure.error, seconds, attempts, failure.reason)
            failed[turn.place] += 1
            if self._health.are_given_up():
                raise self._stop(turn, failure)
            if isinstance(failure, Busy):
                continue
            held += 1
            if held > ATTEMPTS:
                error = RequestError(f"failed_{outcome}")
                return _no_answer(request, error, seconds, attempts, failure.reason)
            if held == ATTEMPTS and not self._still_answers():
                raise self._stop(turn, failure)

    def _put(
        self, turn: Turn, request: Request, *, max_tokens: int | None = None
    ) -> tuple[Completion | None, Failure | None]:
        """Send a request once, and record what its outcome says about the server's health."""
        server = self._servers[turn.place]
        try:
            completion = server.ask(request, max_tokens=max_tokens)
        except Refused as refusal:
            self._health.answered(turn)
            return None, refusal
        except Failure as failure:
            if self._health.failed(turn, failure.rest if isinstance(failure, Busy) else None):
                self._notes.append(
                    f"note: {server.url} is paused and retried from time to time: {failure.reason}"
                )
            return None, failure
        except BaseException:
            self._health.failed(turn)
            raise
        if self._health.answered(turn):
            self._notes.append(f"note: {server.url} answers again")
        return completion, None

    def _still_answers(self) -> bool:
        """Return whether some server still answers an earlier request, at the cost of one token."""
        earlier = self._answered
        if earlier is None:
            return False
        failed: Counter[int] = Counter()
        for _ in self._servers[:ATTEMPTS]:
            turn = self._health.take(failed)
            completion, _ = self._put(turn, earlier, max_tokens=1)
            if completion is not None:
                return True
            failed[turn.place] += 1
        return False

    def _refuses_others(self, turn: Turn, request: Request) -> bool:
        """Return whether the server refuses a harmless question as well, put as the refused one was. It is
        asked where nothing was answered yet, and after `REFUSED_IN_A_ROW` refusals."""
        with self._asking_why:
            self._refused += 1
            if self._answered is not None and self._refused < REFUSED_IN_A_ROW:
                return False
            if self._health.is_stopped():
                return False
            try:
                self._servers[turn.place].ask(harmless(request))
            except Refused:
                return True
            except Failure:
                return False
            self._answered, self._refused = self._answered or harmless(request), 0
            return False

    def _refuses_all(self, turn: Turn, refusal: Refused) -> FactoryError:
        return FactoryError(
            f"{self._servers[turn.place].url} refuses every request: {refusal.reason}",
            "Mend the server, or teacher.endpoints, teacher.model, teacher.sampling, teacher.extra_body. "
            "The refused requests are not stored: the same command asks them again.",
        )

    def _stop(self, turn: Turn, failure: Failure) -> FactoryError:
        url = self._servers[turn.place].url
        hint = "If answers may take longer, raise teacher.timeout_s. " if failure.outcome == "timeout" else ""
        return FactoryError(f"no server answers any more: {url}: {failure.reason}", hint + _HINT)


def harmless(request: Request) -> Request:
    """Return a request that differs from another in its words only, which nobody can object to."""
    said = [
        message | {"content": "Say yes."} if "tool_calls" not in message else message
        for message in request.messages
    ]
    return dataclasses.replace(request, messages=said)


def _no_answer(
    request: Request, error: RequestError, seconds: float, attempts: list[Attempt], detail: str = ""
) -> Answer:
    return Answer(
        request.key, "", "error", 0, 0, seconds, attempts=tuple(attempts), error=error, detail=detail
    )
