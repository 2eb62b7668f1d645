"""The factory beside data-designer 0.9.7 and distilabel 1.5.3: the same prompts, the same server, one run.

python -m bench.peers [--prompts 256] [--rounds 3] [--envs FOLDER]

First part: each program asks the same greedy prompts (messages, max_tokens, top_p 1, no logprobs) of one vLLM
server with the same concurrency, round after round in turn, each with an empty prefix cache; then the factory
with the teacher in its own process. Second part: a fresh server for each program is killed with SIGKILL when
half of the requests are answered, and started again with the program. What is measured, and how, stands in
`rate.py` and `killing.py`; how the peers are set up, in their `_job.py`. Their environments are made once, in
the cache. Prints a line for each run, then one JSON object.
"""

import argparse
import contextlib
import json
import signal
import statistics
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.peers import prompts
from bench.peers.environment import PINS, python_of
from bench.peers.killing import killed_half_way
from bench.peers.program import NAMES, Failed, Program, Work
from bench.peers.proxy import Proxy
from bench.peers.rate import Rate, in_process, on_server
from bench.peers.server import MODEL, Server, free_port
from factory.models.bundled import cache_folder

IN_PROCESS = "in_process"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=256, help=f"prompts of a run, at most {prompts.MOST}")
    parser.add_argument("--max-tokens", type=int, default=64, help="longest answer")
    parser.add_argument("--concurrency", type=int, default=64, help="requests in flight at once")
    parser.add_argument(
        "--rounds", type=int, default=3, help="with 3, each program comes first, second and last once"
    )
    parser.add_argument(
        "--envs", type=Path, default=cache_folder() / "peers", help="where the peers' environments are kept"
    )
    parser.add_argument("--part", choices=("rate", "kill"), help="only one of the two parts")
    arguments = parser.parse_args()
    if not 2 <= max(arguments.prompts, arguments.concurrency * 5 // 2) <= prompts.MOST:
        parser.error(f"there are {prompts.MOST} prompts")
    # An ordinary kill goes through the clean-up as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for peer in PINS:
        python_of(peer, arguments.envs)
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="peers-") as name, _proxy() as proxy:
        if arguments.part != "kill":
            result |= _rates(arguments, Path(name) / "rate", proxy)
        if arguments.part != "rate":
            result["killed"] = _killed(arguments, Path(name) / "kill", proxy)
    print(json.dumps(result))


@contextlib.contextmanager
def _proxy() -> Iterator[Proxy]:
    proxy = Proxy(free_port())
    try:
        yield proxy
    finally:
        proxy.close()


def _rates(arguments: argparse.Namespace, folder: Path, proxy: Proxy) -> dict[str, Any]:
    folder.mkdir()
    work = Work(arguments.prompts, arguments.max_tokens, arguments.concurrency, proxy.url)
    rates: dict[str, list[Rate]] = {name: [] for name in (*NAMES, IN_PROCESS)}
    failures: dict[str, str] = {}
    _say("starting the server")
    server = Server(folder / "server.log", arguments.concurrency)
    try:
        server.ready()
        proxy.listen(server.url)
        _warm_up(Program("factory", work, folder / "warm-up", arguments.envs), proxy)
        for number in range(arguments.rounds):
            # Each comes first, last and between in turn.
            for name in NAMES[number % len(NAMES) :] + NAMES[: number % len(NAMES)]:
                server.forget()
                with _told(name, failures):
                    rates[name].append(
                        _show(name, on_server(name, work, folder / f"{name}-{number}", arguments.envs, proxy))
                    )
            with _told(IN_PROCESS, failures):
                alone = Work(work.count, work.max_tokens, work.concurrency)
                rates[IN_PROCESS].append(
                    _show(IN_PROCESS, in_process(alone, folder / f"{IN_PROCESS}-{number}", arguments.envs))
                )
    finally:
        server.group.stop()
        proxy.refuse()
    median = {
        name: statistics.median(rate.tokens_per_s for rate in runs) for name, runs in rates.items() if runs
    }
    faster = max((median[name] for name in NAMES[1:] if name in median), default=None)
    return {
        **{f"{name}_tokens_per_s": round(median[name], 1) if name in median else None for name in NAMES},
        "ratio_to_faster": _ratio(median.get("factory"), faster),
        "in_process_tokens_per_s": round(median[IN_PROCESS], 1) if IN_PROCESS in median else None,
        "in_process_ratio": _ratio(median.get(IN_PROCESS), faster),
        "tokens": {name: [rate.tokens for rate in runs] for name, runs in rates.items()},
        "wall_s": {
            name: round(statistics.median(rate.wall for rate in runs), 1)
            for name, runs in rates.items()
            if runs
        },
        "in_flight": {
            name: max(rate.in_flight for rate in runs)
            for name, runs in rates.items()
            if runs and name in NAMES
        },
        "prompts": arguments.prompts,
        "max_tokens": arguments.max_tokens,
        "concurrency": arguments.concurrency,
        "rounds": arguments.rounds,
        "failures": failures,
    }


def _killed(arguments: argparse.Namespace, folder: Path, proxy: Proxy) -> dict[str, Any]:
    folder.mkdir()
    work = Work(arguments.concurrency * 5 // 2, arguments.max_tokens, arguments.concurrency, proxy.url)
    told: dict[str, Any] = {}
    for name in NAMES:
        _say(f"{name}: {work.count} prompts, the server dies after {work.count // 2}")
        try:
            told[name] = killed_half_way(name, work, folder / name, arguments.envs, proxy)
        except Failed as error:
            told[name] = {"failed": str(error)}
        _say(f"{name}: {json.dumps(told[name])}")
    return told


def _warm_up(program: Program, proxy: Proxy) -> None:
    # The first to come would pay for the server's first steps.
    _say("warming the server up")
    for messages in program.messages:
        body = json.dumps({"model": MODEL, "messages": messages, "max_tokens": 1, "temperature": 0}).encode()
        request = urllib.request.Request(
            f"{proxy.url}/chat/completions", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            answer.read()


@contextlib.contextmanager
def _told(name: str, failures: dict[str, str]) -> Iterator[None]:
    try:
        yield
    except Failed as error:
        failures[name] = str(error)
        print(f"{name:<14} failed: {error}", flush=True)


def _show(name: str, rate: Rate) -> Rate:
    print(
        f"{name:<14} {rate.tokens:>6} tokens in {rate.seconds:6.1f} s  {rate.tokens_per_s:7.1f} tokens/s  "
        f"whole command {rate.wall:6.1f} s  at most {rate.in_flight} in flight",
        flush=True,
    )
    return rate


def _ratio(value: float | None, other: float | None) -> float | None:
    return round(value / other, 3) if value and other else None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
