"""A server is started with the number format that its model runs in here."""

import sys
from pathlib import Path

import pytest

from factory.errors import FactoryError
from factory.serve import server
from factory.serve.server import Serving
from factory.system.progress import Progress


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_the_server_gets_the_format_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(server, "running_precision", lambda folder: precision)
    log = tmp_path / "serve.log"
    serving = Serving(
        tmp_path / "student", port=0, max_model_len=256, kv_cache_gb=0.1, log=log, progress=Progress()
    )
    with pytest.raises(FactoryError, match="the server of student ended"):
        serving.__enter__()
    (started,) = [line for line in log.read_text().splitlines() if "api_server" in line]
    assert f"--model {tmp_path / 'student'} " in started and f"--dtype {precision}" in started
