"""The teacher's server: vLLM's own OpenAI-compatible one, with the settings of the factory's in-process
engine where it has them."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from bench.peers.processes import Group, until
from factory.inference.environment import ENVIRONMENT
from factory.models.bundled import converted_folder
from factory.models.precision import running_precision

MODEL = "smollm2-135m-instruct"
MAX_MODEL_LEN, KV_CACHE_GB = 2048, 1.0
START_SECONDS = 900.0


def model_folder() -> Path:
    """Return the bundled model's folder; it is converted if it is not there yet."""
    folder = converted_folder(MODEL)
    if not folder.is_dir():
        subprocess.run([sys.executable, "-m", "factory.models.bundled", MODEL, str(folder)], check=True)
    return folder


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A running server; `url` has no path."""

    def __init__(self, log: Path, concurrency: int):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # The factory's engine runs in its process; the server cannot.
        environment = os.environ | ENVIRONMENT | {"HF_HUB_OFFLINE": "1", "VLLM_SERVER_DEV_MODE": "1"}
        del environment["VLLM_ENABLE_V1_MULTIPROCESSING"]
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        command += [
            "--model",
            str(model_folder()),
            "--served-model-name",
            MODEL,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        command += [
            "--dtype",
            running_precision(model_folder()),
            "--max-model-len",
            str(MAX_MODEL_LEN),
            "--max-num-seqs",
            str(concurrency),
        ]
        command += [
            "--max-num-batched-tokens",
            "4096",
            "--no-enable-chunked-prefill",
            "--block-size",
            "32",
            "--enforce-eager",
        ]
        command += [
            "--kv-cache-memory-bytes",
            str(int(KV_CACHE_GB * 2**30)),
            "--disable-log-stats",
            "--disable-uvicorn-access-log",
        ]
        self.group = Group(command, log, environment, Path(tempfile.gettempdir()))

    def ready(self) -> None:
        """Wait until it answers; SystemExit if it does not."""
        until(lambda: self.group.process.poll() is not None or self._healthy(), START_SECONDS)
        if not self._healthy():
            self.group.stop()
            raise SystemExit(f"the vLLM server did not start: {self.group.last_words()}")

    def forget(self) -> None:
        """Empty the prefix cache, so that whoever comes next has its prompts computed; SystemExit if the
        server keeps it."""
        request = urllib.request.Request(f"{self.url}/reset_prefix_cache", method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                if json.load(answer)["success"]:
                    return
        except (urllib.error.URLError, OSError) as error:
            raise SystemExit(f"the server's prefix cache cannot be emptied: {error}") from None
        raise SystemExit("the server keeps its prefix cache, as if something were still running")

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
