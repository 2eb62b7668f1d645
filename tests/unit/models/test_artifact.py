"""A model folder is there whole, with what its manifest says and nothing else, or it is not there."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.errors import FactoryError
from factory.models.artifact import MANIFEST, publish, verify
from factory.system.digest import content_id, file_sha256

ROOT = Path(__file__).parents[3]

PUBLISHER = """
import sys
from pathlib import Path
from factory.models.artifact import publish

with publish(Path(sys.argv[1]), {}) as staging:
    (staging / "half.safetensors").write_bytes(b"0" * 1000)
    print(staging, flush=True)
    sys.stdin.read()
"""


def fill(folder: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(1000))
    (folder / "deep" / "part.safetensors").write_bytes(bytes(24))
    (folder / "deep" / "er" / "naïve name.json").write_text("{}")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    with publish(tmp_path / "models" / "m", {"kind": "adapter", "name": "größer"}) as staging:
        fill(staging)
    return tmp_path / "models" / "m"


def publisher(target: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a process that has filled half of its staging folder and waits; return it and the folder."""
    command = [sys.executable, "-c", PUBLISHER, str(target)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_was_published_is_verified(model: Path) -> None:
    artifact = verify(model)
    assert artifact.about == {"kind": "adapter", "name": "größer"}
    assert set(artifact.files) == {"model.safetensors", "deep/part.safetensors", "deep/er/naïve name.json"}
    assert artifact.weight_bytes == 1024
    assert artifact.digest == content_id(json.loads((model / MANIFEST).read_text(encoding="utf-8"))["files"])
    assert [path.name for path in model.parent.iterdir()] == ["m"]


def test_the_digest_follows_from_the_content_alone(model: Path) -> None:
    with publish(model.parent / "again", {"kind": "other"}) as staging:
        fill(staging)
    assert verify(model.parent / "again").digest == verify(model).digest


def test_a_name_that_is_taken_is_refused(model: Path) -> None:
    before = verify(model)
    with pytest.raises(FactoryError, match="exists already"), publish(model, {}):
        pytest.fail("the block must not run")
    assert verify(model) == before


def test_an_error_within_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), publish(tmp_path / "m", {}) as staging:
        fill(staging)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_killed_publisher_leaves_no_model_and_the_next_cleans_up(tmp_path: Path) -> None:
    process, staging = publisher(tmp_path / "m")
    with process:
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "m").exists()
    assert staging.is_dir()
    with pytest.raises(FactoryError, match=MANIFEST):
        verify(staging)

    with publish(tmp_path / "m", {}) as fresh:
        fill(fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert "half.safetensors" not in verify(tmp_path / "m").files


def test_a_living_publisher_is_not_disturbed_and_the_first_to_end_wins(tmp_path: Path) -> None:
    process, staging = publisher(tmp_path / "m")
    with process:
        with publish(tmp_path / "m", {}) as ours:
            fill(ours)
            assert (staging / "half.safetensors").exists()
        assert process.stdin is not None
        process.stdin.close()
    assert process.returncode != 0
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert "half.safetensors" not in verify(tmp_path / "m").files


def truncate(model: Path) -> None:
    os.truncate(model / "model.safetensors", 999)


def change_a_byte(model: Path) -> None:
    (model / "model.safetensors").write_bytes(bytes(999) + b"\1")


def remove_a_file(model: Path) -> None:
    (model / "deep" / "part.safetensors").unlink()


def add_a_file(model: Path) -> None:
    (model / "adapter_config.json").write_text("{}")


def replace_by_a_folder(model: Path) -> None:
    (model / "model.safetensors").unlink()
    (model / "model.safetensors").mkdir()


def replace_by_a_link(model: Path) -> None:
    (model / "model.safetensors").rename(model.parent / "aside")
    (model / "model.safetensors").symlink_to(model.parent / "aside")


def link_a_folder(model: Path) -> None:
    (model / "linked").symlink_to(model.parent)


def link_the_manifest(model: Path) -> None:
    (model / MANIFEST).rename(model.parent / "aside")
    (model / MANIFEST).symlink_to(model.parent / "aside")


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (truncate, "model.safetensors does not match"),
        (change_a_byte, "model.safetensors does not match"),
        (remove_a_file, "deep/part.safetensors is missing"),
        (add_a_file, "adapter_config.json is not in manifest.json"),
        (replace_by_a_folder, "model.safetensors is missing"),
        (replace_by_a_link, "model.safetensors is a link"),
        (link_a_folder, "linked is a link"),
        (link_the_manifest, "manifest.json is a link"),
    ],
)
def test_a_changed_folder_is_refused_by_name(model: Path, damage: Callable[[Path], None], named: str) -> None:
    damage(model)
    with pytest.raises(FactoryError, match=named):
        verify(model)


def test_a_quick_proof_finds_a_changed_byte_unless_the_time_was_set_back(model: Path) -> None:
    weights = model / "model.safetensors"
    before = weights.stat()
    change_a_byte(model)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(FactoryError, match="model.safetensors does not match"):
        verify(model, quick=True)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verify(model, quick=True).weight_bytes == 1024
    with pytest.raises(FactoryError, match="model.safetensors does not match"):
        verify(model)


def test_a_copy_with_other_times_is_whole_to_the_quick_proof(model: Path) -> None:
    os.utime(model / "model.safetensors", ns=(1, 1))
    assert verify(model, quick=True) == verify(model)


MANIFESTS = [
    "",
    "{",
    "[]",
    "null",
    "{}",
    '{"files": {}}',
    '{"files": {}, "about": 3}',
    '{"files": [], "about": {}}',
    '{"files": {"a": 1}, "about": {}}',
    '{"files": {"a": {"bytes": 1}}, "about": {}}',
    '{"files": {"a": {"bytes": "x", "sha256": ""}}, "about": {}}',
]


@pytest.mark.parametrize("text", MANIFESTS)
def test_a_damaged_manifest_is_refused(model: Path, text: str) -> None:
    (model / MANIFEST).write_text(text)
    with pytest.raises(FactoryError, match="manifest.json cannot be read"):
        verify(model)


def test_a_folder_without_a_manifest_is_no_model(model: Path) -> None:
    (model / MANIFEST).unlink()
    with pytest.raises(FactoryError, match="it is not a finished model"):
        verify(model)
    with pytest.raises(FactoryError, match="it is not a finished model"):
        verify(model.parent / "no such folder")


@pytest.mark.parametrize("name", ["../outside", "deep/../../outside", "{outside}", "..", "", "."])
def test_a_name_in_the_manifest_that_leads_outside_is_refused(model: Path, name: str) -> None:
    outside = model.parent / "outside"
    outside.write_bytes(b"")
    manifest = json.loads((model / MANIFEST).read_text())
    manifest["files"][name.replace("{outside}", str(outside))] = {"bytes": 0, "sha256": file_sha256(outside)}
    (model / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(FactoryError, match="is missing"):
        verify(model)


def test_links_are_not_published(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(FactoryError, match="is a link"), publish(tmp_path / "m", {}) as staging:
        (staging / "config.json").symlink_to(tmp_path / "secret")
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
