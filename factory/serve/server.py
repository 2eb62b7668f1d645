"""Local OpenAI-compatible server (vLLM) for a model of the workspace.

Promise: the model is verified against its digests before it is loaded; so is a port that is
in use. The server answers on 127.0.0.1, parses tool calls in the chat format that the student was trained in,
and ends, with all its processes, when this one does, even by SIGKILL. Not promised: a key, encryption or
limits; put a proxy before it that has them.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from factory.chat_formats.format import ChatFormat
from factory.chat_formats.formats import DEFAULT, FORMATS
from factory.errors import FactoryError, InputError
from factory.inference.environment import ENVIRONMENT
from factory.models.artifact import MANIFEST, verify
from factory.models.folder import positions
from factory.models.precision import running_precision
from factory.store.store import read_store
from factory.system.container import thread_variables
from factory.system.machine import has_gpu
from factory.system.progress import Progress
from factory.workspace import Workspace

HOST = "127.0.0.1"
# The one that was made last comes first, unless it lost more than its recipe allows, or is one of a search's
# many.
_MODELS = """
SELECT a.name, a.path FROM artifacts a
LEFT JOIN (SELECT artifact_id, arg_max(passed, batch) AS passed FROM gates GROUP BY ALL) g USING (artifact_id)
WHERE a.kind IN ('merged', 'quantized') ORDER BY
  coalesce(
    (SELECT arg_max(r.command, r.batch) FROM runs r WHERE r.batch < a.batch) LIKE 'factory search %', false
  ),
  coalesce(g.passed, true) DESC, a.batch DESC
"""
# Holds the reading end of a pipe whose writing end is here: when this process is gone, so is the other end,
# and the group is ended.
_WATCHDOG = "import os, signal, sys; sys.stdin.read(); os.killpg(int(sys.argv[1]), signal.SIGKILL)"


def choose(workspace: Workspace, name: str | None) -> Path:
    """Return the folder of a model: the one of this name, or the latest one that passes the accuracy gate.
    InputError if there is none."""
    with read_store(workspace.store) as connection:
        made = connection.execute(_MODELS).fetchall()
    names = [row[0] for row in made]
    if not made:
        raise InputError(
            f"{workspace.root} has no student to serve", "Make one with: factory run RECIPE -w DIR"
        )
    if name is not None and name not in names:
        raise InputError(
            f"{workspace.root} has no student {name!r} to serve", f"There are: {', '.join(names)}"
        )
    path = made[0 if name is None else names.index(name)][1]
    return verify(workspace.root / path).folder


class Serving:
    """A running server: `url` ends in /v1, `model` is the name to ask for. Entering it waits until it
    answers."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        max_model_len: int,
        kv_cache_gb: float,
        log: Path,
        progress: Progress,
    ):
        self._folder, self.model = folder, folder.name
        config = folder / "config.json"
        known = positions(json.loads(config.read_text(encoding="utf-8"))) if config.is_file() else None
        if known is not None and known < max_model_len:
            progress.say(f"{self.model} was made for {known:,} tokens: conversations end there")
            max_model_len = known
        self._port = _free(port)
        self.url = f"http://{HOST}:{self._port}/v1"
        self._log, self._progress = log, progress
        self._command = [
            sys.executable,
            "-P",
            "-m",
            "vllm.entrypoints.openai.api_server",
            "--model",
            str(folder),
        ]
        self._command += ["--served-model-name", self.model, "--host", HOST, "--port", str(self._port)]
        if parser := _chat_format(folder).parser:
            self._command += ["--enable-auto-tool-choice", "--tool-call-parser", parser]
        # As text, which the student was trained on, whatever a template makes of lists.
        self._command += ["--chat-template-content-format", "string"]
        self._command += ["--max-model-len", str(max_model_len)]
        self._command += ["--max-num-batched-tokens", str(max(4096, max_model_len))]
        self._command += ["--kv-cache-memory-bytes", str(int(kv_cache_gb * 2**30))]
        self._command += ["--disable-log-stats", "--disable-uvicorn-access-log"]
        # Requests that say nothing of sampling are answered as every other model answers them, and as this
        # one was measured: not by settings that its base came with.
        self._command += ["--generation-config", "vllm"]
        if not has_gpu():
            # As factory.inference.engine has it, and for its reasons.
            self._command += ["--enforce-eager", "--no-enable-chunked-prefill", "--block-size", "32"]

    def __enter__(self) -> "Serving":
        environment = os.environ | thread_variables() | ENVIRONMENT | {"HF_HUB_OFFLINE": "1"}
        # The server starts its engine as a process of its own, always.
        del environment["VLLM_ENABLE_V1_MULTIPROCESSING"]
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as file:
            self._process = subprocess.Popen(
                [*self._command, "--dtype", running_precision(self._folder)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
            self._watchdog = subprocess.Popen(
                [sys.executable, "-c", _WATCHDOG, str(self._process.pid)],
                stdin=subprocess.PIPE,
                stderr=file,
                start_new_session=True,
            )
        started = time.monotonic()
        try:
            while not self._answers():
                if self._process.poll() is not None:
                    raise self._ended()
                self._progress.update(f"  loading {self.model}  {time.monotonic() - started:.0f} s")
                time.sleep(0.3)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop()

    def wait(self) -> None:
        """Return when the server is interrupted; FactoryError if it ends by itself."""
        self._process.wait()
        raise self._ended()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self._port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _ended(self) -> FactoryError:
        return FactoryError(
            f"the server of {self.model} ended with exit code {self._process.returncode}",
            f"The log is {self._log}",
        )

    def _stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
        # Closes the pipe: what is left of the group goes.
        self._watchdog.communicate()
        self._process.wait()


def _chat_format(folder: Path) -> ChatFormat:
    """Return the format that a student was trained in: the default one, unless its manifest names another."""
    manifest = folder / MANIFEST
    about = json.loads(manifest.read_text(encoding="utf-8"))["about"] if manifest.is_file() else {}
    name = about.get("format", DEFAULT)
    if name not in FORMATS:
        raise InputError(
            f"{folder.name} was trained in the chat format {name}, which this version does not have",
            f"It has {', '.join(FORMATS)}: serve it with the version that made it.",
        )
    return FORMATS[name].for_model(folder)


def _free(port: int) -> int:
    with socket.socket() as probe:
        # As the server sets it: otherwise closed connections block the port for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            message = f"port {port} of {HOST} cannot be used: {error.strerror}"
            raise InputError(message, "Choose another with --port; 0 takes a free one.") from None
        return int(probe.getsockname()[1])
