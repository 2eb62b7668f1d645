"""A child process ends with its parent, holds no secret, and says how it ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.errors import FactoryError
from factory.pipeline.child import ChildFailed, run_child

ROOT = Path(__file__).parents[3]

CHILD = (
    "import sys; from factory.system.process import die_with_parent; die_with_parent(); "
    "print('ready', flush=True); sys.stdin.read()"
)
PARENT = """
import os, subprocess, sys
environment = os.environ | {"FACTORY_PARENT_PID": str(os.getpid())}
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], env=environment)
print(child.pid, flush=True)
child.wait()
"""

Run = Callable[..., str]


def test_a_child_ends_when_its_parent_is_killed() -> None:
    # The child waits on a pipe whose other end stays open here, so nothing but its parent's end can end it.
    command = [sys.executable, "-c", PARENT, CHILD]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert "ready\n" in [parent.stdout.readline(), parent.stdout.readline()]
        parent.send_signal(signal.SIGKILL)
        assert parent.stdout.read() == "", "the pipe ends when the last who holds it has ended"
        assert parent.wait() == -signal.SIGKILL


def test_a_child_whose_parent_has_ended_already_ends_at_once() -> None:
    command = [sys.executable, "-c", CHILD]
    environment = os.environ | {"FACTORY_PARENT_PID": "1"}
    child = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert child.returncode == -signal.SIGKILL
    assert child.stdout == b""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a shell script in the place of Python as the child, and return its log."""

    def run_script(script: str, **settings: str) -> str:
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
        log = tmp_path / "logs" / "stage.log"
        try:
            run_child(["stage", "recipe"], environment={"ADDED": "added"}, lock=lock, log=log, **settings)
        finally:
            os.close(lock)
        return log.read_text()

    return run_script


SECRETS = """
HF_TOKEN HUGGING_FACE_HUB_TOKEN OPENAI_API_KEY openai_apikey
AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN MY_PASSWORD PGPASSWORD DB_PASSWD
GPG_PASSPHRASE SSH_PRIVATE_KEY GOOGLE_APPLICATION_CREDENTIALS
"""


def test_secrets_do_not_reach_the_child(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS.split():
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setenv("PLAIN", "plain")
    environment = run("env").splitlines()
    assert "canary" not in str(environment)
    assert {
        "ADDED=added",
        "PLAIN=plain",
        "TOKENIZERS_PARALLELISM=false",
        f"FACTORY_PARENT_PID={os.getpid()}",
    } <= set(environment)


def test_the_one_secret_that_is_named_reaches_the_child(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_API_KEY", "teacher")
    monkeypatch.setenv("HF_TOKEN", "canary")
    environment = run("env", secret="TEACHER_API_KEY").splitlines()
    assert "TEACHER_API_KEY=teacher" in environment
    assert "canary" not in str(environment)


def test_what_the_child_prints_goes_to_the_log_and_its_progress_to_the_person(
    run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    script = 'echo out; echo err >&2; echo progress >> /dev/fd/$FACTORY_PROGRESS_FD; echo "$@"'
    assert run(script) == "out\nerr\n-P -m factory.pipeline.worker stage recipe\n"
    assert run("echo more").endswith("recipe\nmore\n"), "the log is added to"
    assert capfd.readouterr().err == "progress\n"


@pytest.mark.parametrize("code", [1, 2, 77])
def test_a_child_that_fails_gives_its_exit_code_and_no_second_message(run: Run, code: int) -> None:
    with pytest.raises(ChildFailed) as caught:
        run(f"exit {code}")
    assert caught.value.exit_code == code
    assert str(caught.value) == ""


def test_an_interrupted_child_interrupts(run: Run) -> None:
    with pytest.raises(KeyboardInterrupt):
        run("exit 130")


def test_a_killed_child_is_told_with_its_signal(run: Run) -> None:
    with pytest.raises(FactoryError, match="the stage stage was ended by SIGKILL") as caught:
        run("kill -KILL $$")
    assert "memory" in caught.value.hint
    with pytest.raises(FactoryError, match="was ended by SIGSEGV") as caught:
        run("kill -SEGV $$")
