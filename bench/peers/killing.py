"""The second part: the server is killed when half of the requests are answered, and started again; what does
each program have, and what does it ask again?

A program that goes on waiting for the dead server is given `PATIENCE` seconds and then killed as well. The
number of prompts is two and a half times the concurrency, so that the kill falls into the middle of a batch
of that size, and not on its end.
"""

import sys
from pathlib import Path
from typing import Any

from bench.peers.processes import until
from bench.peers.program import Program, Work
from bench.peers.proxy import Proxy, Record, prompt_id
from bench.peers.rate import LONGEST
from bench.peers.server import Server

PATIENCE = 300.0


def killed_half_way(name: str, work: Work, folder: Path, envs: Path, proxy: Proxy) -> dict[str, Any]:
    """Return what one program says it has after the kill, how much of it holds an answer, and what it asked
    again.

    `rows` and `with_answer` are after the kill, `rows_at_end` and `with_answer_at_end` after the second
    start; `repeated` counts requests for prompts whose answer it had been given already; `exit_codes` has
    None for a program that had to be killed.
    """
    program = Program(name, work, folder, envs)
    server = Server(folder / "server-1.log", work.concurrency)
    record = proxy.record = Record(kill_after=work.count // 2, on_kill=server.group.kill)
    try:
        server.ready()
        proxy.listen(server.url)
        group = program.start()
        try:
            until(lambda: record.killed or group.process.poll() is not None, LONGEST)
        finally:
            codes = [program.finish(group, PATIENCE)]
    finally:
        server.group.stop()
        proxy.refuse()
    answered = len({exchange.prompt for exchange in record.answered})
    after = program.held()
    words = group.last_words()
    _say(
        f"{name}: {answered} answered, says it has {after['rows']} rows, "
        f"{after['with_answer']} with an answer (exit code {codes[0]})"
    )
    server = Server(folder / "server-2.log", work.concurrency)
    try:
        server.ready()
        proxy.listen(server.url)
        codes.append(program.finish(program.start(), LONGEST))
    finally:
        server.group.stop()
        proxy.refuse()
    at_end = program.held()
    asked = {prompt_id(messages) for messages in program.messages}
    known = {exchange.prompt for exchange in record.answered}
    return {
        "rows": after["rows"],
        "with_answer": after["with_answer"],
        "repeated": record.repeated(),
        "answered_before_kill": answered,
        "rows_at_end": at_end["rows"],
        "with_answer_at_end": at_end["with_answer"],
        "never_answered": len(asked - known),
        "exit_codes": codes,
        "said": words if codes[0] else "",
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
