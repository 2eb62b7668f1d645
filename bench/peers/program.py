"""The three programs, each as a command over one and the same job: questions, prompt, sampling, server,
concurrency."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers import prompts
from bench.peers.environment import python_of
from bench.peers.processes import Group
from bench.peers.server import KV_CACHE_GB, MAX_MODEL_LEN, MODEL

ROOT = Path(__file__).parents[2]
NAMES = ("factory", "data_designer", "distilabel")
# Greedy, so that all three get the same answers and do the same work.
TEMPERATURE = 0.0

_RECIPE = """\
name: peers
seed: 7
teacher:
  model: {model}
  endpoints: [{endpoints}]
  logprobs: 0
  sampling: {{temperature: {temperature}, max_tokens: {max_tokens}}}
  max_model_len: {max_model_len}
  concurrency: {concurrency}
  kv_cache_gb: {kv_cache_gb}
data: {{kind: rationale, seeds: {seeds}, count: {count}, samples_per_prompt: 1, examples: 0}}
"""
_HELD = (
    "SELECT count(*) AS rows, count(*) FILTER (error IS NULL AND trim(text) <> '') AS with_answer "
    "FROM generations"
)
_TIMED = (
    "SELECT sum(completion_tokens) AS tokens, "
    "max(epoch(finished_at)) - min(epoch(finished_at) - seconds) AS seconds, "
    "count(*) AS answers FROM generations"
)


class Failed(Exception):
    """A program did not do what it was asked for; the message is its own last word on it."""


@dataclass(frozen=True)
class Work:
    """What all are asked. `url` is the server's, ending in /v1; empty: the factory's teacher runs in its own
    process."""

    count: int
    max_tokens: int
    concurrency: int
    url: str = ""


class Program:
    """One of the three, in a folder of its own; `start` may be called again after an end, and takes up what
    is there."""

    def __init__(self, name: str, work: Work, folder: Path, envs: Path):
        self.name, self._work, self._folder = name, work, folder
        folder.mkdir(parents=True)
        self._seeds, self._recipe = folder / "seeds.jsonl", folder / "recipe.yaml"
        self._result, self._log = folder / "result.json", folder / "log.txt"
        prompts.write_seeds(self._seeds, work.count)
        # One line with no end of line: data-designer takes white space off the ends of a prompt, and then all
        # three send the very same.
        own = folder / "workspace" / "prompts"
        own.mkdir(parents=True)
        (own / "rationale_system.j2").write_text(prompts.SYSTEM, encoding="utf-8")
        self._recipe.write_text(
            _RECIPE.format(
                model=MODEL,
                endpoints=work.url,
                temperature=TEMPERATURE,
                max_tokens=work.max_tokens,
                max_model_len=MAX_MODEL_LEN,
                concurrency=work.concurrency,
                kv_cache_gb=KV_CACHE_GB,
                seeds=self._seeds,
                count=work.count,
            ),
            encoding="utf-8",
        )
        self._python = sys.executable if name == "factory" else str(python_of(name, envs))
        self._starts = 0
        self.messages = prompts.rendered(self._recipe, folder / "workspace", work.count)

    def start(self) -> Group:
        """Start the program, or start it again the way its documentation says that one resumes."""
        self._starts += 1
        self._result.unlink(missing_ok=True)
        if self.name == "factory":
            command = self._factory("generate", str(self._recipe))
        else:
            job = self._folder / "job.json"
            job.write_text(json.dumps(self._job()), encoding="utf-8")
            command = [self._python, "-P", str(Path(__file__).with_name(f"{self.name}_job.py")), str(job)]
        return Group(
            command, self._log, self._environment(), self._folder if self.name != "factory" else ROOT
        )

    def finish(self, group: Group, seconds: float) -> int | None:
        """Wait for its end; the exit code, or None if it had to be killed after `seconds`."""
        try:
            return group.wait(seconds)
        finally:
            group.kill()
            group.process.wait()

    def held(self) -> dict[str, int]:
        """Return how many rows it says it has, and how many of them hold an answer."""
        if self.name == "factory":
            return self._audit(_HELD)
        if not self._result.exists():
            return {"rows": 0, "with_answer": 0}
        said: dict[str, int] = json.loads(self._result.read_text(encoding="utf-8"))
        return said

    def timed(self) -> dict[str, Any]:
        """Return tokens, answers and seconds from the first request to the last answer, out of the factory's
        store."""
        return self._audit(_TIMED)

    def _audit(self, sql: str) -> dict[str, Any]:
        command = [*self._factory("audit"), sql, "--format", "json"]
        answer = subprocess.run(command, env=self._environment(), cwd=ROOT, capture_output=True, text=True)
        if answer.returncode:
            raise Failed((answer.stderr.splitlines() or ["factory audit failed"])[-1])
        row: dict[str, Any] = json.loads(answer.stdout)[0]
        return row

    def _factory(self, verb: str, *arguments: str) -> list[str]:
        return [
            self._python,
            "-m",
            "factory.cli.main",
            verb,
            *arguments,
            "-w",
            str(self._folder / "workspace"),
        ]

    def _job(self) -> dict[str, Any]:
        work = self._work
        return {
            "url": work.url,
            "model": MODEL,
            "system": self.messages[0][0]["content"],
            "seeds": str(self._seeds),
            "count": work.count,
            "temperature": TEMPERATURE,
            "max_tokens": work.max_tokens,
            "concurrency": work.concurrency,
            "folder": str(self._folder),
            "result": str(self._result),
            "again": self._starts > 1,
        }

    def _environment(self) -> dict[str, str]:
        if self.name == "factory":
            return dict(os.environ)
        # A home of their own: no settings of the person's, nothing left behind. Nobody reports to anybody
        # while the clock runs.
        return os.environ | {
            "HOME": str(self._folder),
            "NEMO_TELEMETRY_ENABLED": "false",
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "1",
        }
