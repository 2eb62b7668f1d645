"""A student in use: which one it is, and what is refused before anything is loaded."""

import socket
from pathlib import Path

import pytest

from factory.errors import InputError
from factory.models.artifact import publish, verify
from factory.serve import server
from factory.serve.server import Serving, choose
from factory.system.progress import Progress
from factory.workspace import Workspace
from tests.support.sample_rows import finished as finished_rows
from tests.support.sample_rows import open_store
from tests.support.small_run import factory


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


def test_a_port_that_was_left_a_moment_ago_is_free(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "running_precision", lambda folder: "float32")
    with socket.socket() as listener, socket.socket() as client:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        client.connect(("127.0.0.1", port))
        # The side that closes first keeps the port for a minute.
        listener.accept()[0].close()
    serving = Serving(
        workspace.models / "student-a",
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
