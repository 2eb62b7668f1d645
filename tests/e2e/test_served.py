"""A teacher behind vLLM's real OpenAI server: the same rows are stored as from the engine inside the
process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.models.bundled import converted_folder
from factory.store.reader import ask
from tests.support.small_run import factory, write_recipe

CANARY = "sk-canary-4711"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    model = converted_folder("smollm2-135m-instruct")
    if not model.exists():
        subprocess.run(
            [sys.executable, "-m", "factory.models.bundled", "smollm2-135m-instruct", str(model)], check=True
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += [
        "--served-model-name",
        "smol",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--api-key",
        CANARY,
        "--max-model-len",
        "2048",
    ]
    command += [
        "--enforce-eager",
        "--no-enable-chunked-prefill",
        "--max-num-batched-tokens",
        "4096",
        "--kv-cache-memory-bytes",
        str(2**30),
    ]
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, "VLLM_NO_USAGE_STATS": "1"}
        )
    try:
        while b"Application startup complete" not in log.read_bytes():
            assert server.poll() is None, log.read_text()[-3000:]
            try:
                server.wait(timeout=1)
            except subprocess.TimeoutExpired:
                continue
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(timeout=60)


def test_answers_from_a_server_are_stored_like_any_others(url: str, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, count=12, distill_steps=1)
    text = recipe.read_text(encoding="utf-8")
    text = text.replace(
        "  model: smollm2-135m-instruct\n",
        f"  model: smol\n  endpoints: [{url}]\n  api_key_env: TEACHER_KEY\n",
        1,
    )
    text = "\n".join(line for line in text.splitlines() if "- distill:" not in line)
    recipe.write_text(text, encoding="utf-8")
    done = factory(
        "run", recipe, "-w", tmp_path / "w", "--until", "check", env={**os.environ, "TEACHER_KEY": CANARY}
    )
    assert done.returncode == 0, done.stderr
    rows = ask(
        tmp_path / "w" / "factory.duckdb",
        "SELECT token_ids, topk_ids, topk_logprobs, completion_tokens, teacher, text FROM generations",
    ).rows
    assert len(rows) >= 12
    for token_ids, topk_ids, topk_logprobs, completion_tokens, teacher, text in rows:
        assert teacher == "smol" and text
        assert len(token_ids) == len(topk_ids) == len(topk_logprobs) == completion_tokens
        assert all(len(ids) == 20 for ids in topk_ids)
    for path in (tmp_path / "w").rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), (
            f"the key was written to {path}"
        )
    again = factory(
        "run", recipe, "-w", tmp_path / "w", "--until", "check", env={**os.environ, "TEACHER_KEY": CANARY}
    )
    assert again.returncode == 0 and "nothing to do" in again.stderr
    without = factory("run", recipe, "-w", tmp_path / "x", "--until", "check")
    assert without.returncode != 0 and "TEACHER_KEY" in without.stderr
