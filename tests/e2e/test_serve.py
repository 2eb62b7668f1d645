"""A student in use: what is refused before anything is loaded, and both kinds of students of one base behind
the real server."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openai import OpenAI

from factory.errors import InputError
from factory.models.artifact import publish, verify
from factory.serve.server import Serving, choose
from factory.store.reader import ask
from factory.system.progress import Progress
from factory.workspace import Workspace
from tests.support.sample_rows import finished as finished_rows
from tests.support.sample_rows import open_store
from tests.support.small_run import COMMAND, ROOT, Finished, factory


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Three models on record, the last one an adapter; the folders hold a file each."""
    made = Workspace(tmp_path / "w")
    made.root.mkdir()
    with open_store(made) as store:
        for kind, name in (
            ("merged", "student-a"),
            ("quantized", "student-a-int8"),
            ("adapter", "adapter-b"),
        ):
            with publish(made.models / name, {}) as staging:
                (staging / "config.json").write_text("{}")
            artifact = verify(made.models / name)
            row = {
                "artifact_id": f"b2:{name}",
                "kind": kind,
                "name": name,
                "path": f"models/{name}",
                "digest": artifact.digest,
            }
            store.commit(artifacts=[row | {"weight_bytes": 0, "parents": [], "about": {}}])
    return made


def test_the_student_that_was_made_last_is_served(workspace: Workspace) -> None:
    assert choose(workspace, None) == workspace.models / "student-a-int8"
    assert choose(workspace, "student-a") == workspace.models / "student-a"


def test_a_trial_of_a_search_is_served_by_its_name_alone(workspace: Workspace) -> None:
    with open_store(workspace) as store:
        (run,) = finished_rows()["runs"]
        store.commit(runs=[run | {"command": "factory search recipe.yaml -w w"}])
        with publish(workspace.models / "trial-c", {}) as staging:
            (staging / "config.json").write_text("{}")
        digest = verify(workspace.models / "trial-c").digest
        row = {
            "artifact_id": "b2:trial-c",
            "kind": "quantized",
            "name": "trial-c",
            "path": "models/trial-c",
            "digest": digest,
        }
        store.commit(artifacts=[row | {"weight_bytes": 0, "parents": [], "about": {}}])
    assert choose(workspace, None) == workspace.models / "student-a-int8"
    assert choose(workspace, "trial-c") == workspace.models / "trial-c"


def test_a_port_that_was_left_a_moment_ago_is_free(workspace: Workspace) -> None:
    with socket.socket() as server, socket.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        client.connect(("127.0.0.1", port))
        # The side that closes first keeps the port for a minute.
        server.accept()[0].close()
    serving = Serving(
        workspace.models,
        port=port,
        max_model_len=256,
        kv_cache_gb=0.1,
        log=workspace.root / "log",
        progress=Progress(),
    )
    assert f":{port}" in serving.url


@pytest.mark.parametrize("name", ["adapter-b", "other"])
def test_what_is_no_student_is_refused_with_what_there_is(workspace: Workspace, name: str) -> None:
    with pytest.raises(InputError, match="student-a-int8, student-a"):
        choose(workspace, name)


def test_a_damaged_student_is_not_loaded(workspace: Workspace) -> None:
    (workspace.models / "student-a-int8" / "config.json").write_text("[]")
    done = factory("serve", "-w", workspace.root)
    assert done.returncode == 1
    assert "student-a-int8" in done.stderr and "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told_before_the_model_is_loaded(workspace: Workspace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} of 127.0.0.1 cannot be used"):
            Serving(
                workspace.models,
                port=port,
                max_model_len=256,
                kv_cache_gb=0.1,
                log=workspace.root / "log",
                progress=Progress(),
            )


@contextmanager
def _served(workspace: Path, name: str) -> Iterator[OpenAI]:
    command = ["serve", "-w", str(workspace), "--artifact", name, "--port", "0", "--kv-cache-gb", "0.2"]
    process = subprocess.Popen([*COMMAND, *command], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), "the server did not start"
        yield OpenAI(base_url=url, api_key="none")
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


@pytest.mark.slow
def test_a_prompt_tuned_and_a_lora_student_of_one_base_are_evaluated_and_served(
    own_run: Finished, tmp_path: Path
) -> None:
    text = own_run.recipe.read_text(encoding="utf-8")
    adapter = (
        "adapter: {kind: prompt_tuning, tokens: 8, init: 'Answer with a call of the calculator.', name: soft}"
    )
    assert "adapter: {kind: lora, rank: 16}" in text
    other = tmp_path / "soft.yaml"
    other.write_text(
        text.replace("adapter: {kind: lora, rank: 16}", adapter).replace("compress:", "# compress:"),
        encoding="utf-8",
    )
    done = factory("run", other, "-w", own_run.workspace)
    assert done.returncode == 0, done.stderr
    report = json.loads((own_run.workspace / "reports" / "report.json").read_text())
    soft = next(model for model in report["models"] if model["role"] == "student")
    assert soft["name"].startswith("student-soft-") and soft["metrics"][0]["name"] == "answer_accuracy"
    measured = (
        "SELECT DISTINCT a.name FROM evaluations JOIN artifacts a USING (artifact_id) WHERE role = 'student'"
    )
    answer = ask(own_run.workspace / "factory.duckdb", measured)
    names = {str(row[0]) for row in answer.rows}
    assert len(names) == 2 and soft["name"] in names
    for name in sorted(names):
        with _served(own_run.workspace, name) as client:
            assert [model.id for model in client.models.list()] == [name]
            asked = [{"role": "user", "content": "What is 12 times 7?"}]
            said = client.chat.completions.create(model=name, messages=asked, temperature=0, max_tokens=32)  # type: ignore[arg-type]
            assert said.usage is not None and said.usage.completion_tokens > 0
            # Its virtual tokens stand before the conversation.
            assert (said.usage.prompt_tokens > 20) == (name == soft["name"]), said.usage
            assert "soft" not in (said.choices[0].message.content or "")
