"""The limits of a container are those that count, by either version of the kernel's control groups."""

import math
import os
import resource
from pathlib import Path

import pytest

from factory.errors import FactoryError
from factory.system import container, machine


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file system of control groups with none in it; the machine has eight cores."""
    monkeypatch.setattr(container, "ROOT", tmp_path)
    monkeypatch.setattr(container, "OWN", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return tmp_path


def _write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_without_groups_nothing_is_limited(groups: Path) -> None:
    assert (container.memory_limit(), container.memory_left()) == (math.inf, math.inf)
    assert (container.cores(), container.thread_variables()) == (8, {})
    (groups / "own").write_text("nonsense\n")
    assert container.memory_limit() == math.inf


def test_second_version(groups: Path) -> None:
    (groups / "own").write_text("0::/pod/job\n")
    _write(groups / "pod", memory__max=4 << 30, memory__current=3 << 30, cpu__max="250000 100000")
    _write(groups / "pod", memory__stat=f"anon 5\ninactive_file {1 << 30}")
    _write(groups / "pod" / "job", memory__max="max", memory__current=1 << 30, cpu__max="max 100000")
    assert container.memory_limit() == 4 << 30
    assert container.memory_left() == 2 << 30
    assert container.cores() == 2
    assert container.thread_variables() == {
        "OMP_NUM_THREADS": "2",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    }


def test_first_version(groups: Path) -> None:
    (groups / "own").write_text("5:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n0::/\n")
    folder = groups / "memory" / "docker" / "a"
    _write(folder, memory__limit_in_bytes=1 << 30, memory__usage_in_bytes=1 << 29)
    _write(folder, memory__stat="total_inactive_file 0")
    _write(groups / "cpu,cpuacct" / "docker" / "a", cpu__cfs_quota_us=50000, cpu__cfs_period_us=100000)
    assert (container.memory_limit(), container.memory_left()) == (1 << 30, 1 << 29)
    assert container.cores() == 1
    _write(groups / "cpu,cpuacct" / "docker" / "a", cpu__cfs_quota_us=-1, cpu__cfs_period_us=100000)
    assert container.cores() == 8


def test_a_container_that_sees_its_own_group_as_the_root(groups: Path) -> None:
    (groups / "own").write_text("0::/\n")
    _write(groups, memory__max=2 << 30, memory__current=1 << 30, cpu__max="400000 100000")
    assert (container.memory_limit(), container.memory_left(), container.cores()) == (2 << 30, 1 << 30, 4)


def test_a_limit_above_which_a_process_is_slowed_down_is_one(groups: Path) -> None:
    (groups / "own").write_text("0::/job\n")
    _write(groups / "job", memory__max=8 << 30, memory__high=3 << 30, memory__current=2 << 30)
    assert (container.memory_limit(), container.memory_left()) == (3 << 30, 1 << 30)
    _write(groups / "job", memory__high="max")
    assert container.memory_limit() == 8 << 30


def test_both_versions_at_once(groups: Path) -> None:
    (groups / "own").write_text("4:memory:/job\n1:name=systemd:/job\n0::/job\n")
    _write(groups / "memory" / "job", memory__limit_in_bytes=4 << 30, memory__usage_in_bytes=1 << 30)
    _write(groups / "unified" / "job", memory__max=2 << 30, memory__current=1 << 30, cpu__max="300000 100000")
    assert (container.memory_limit(), container.memory_left(), container.cores()) == (2 << 30, 1 << 30, 3)


def test_a_container_that_is_told_the_name_of_its_group_outside(groups: Path) -> None:
    # Docker's first version: the path is the host's, and what is mounted is the group itself.
    (groups / "own").write_text("5:memory:/docker/4f2a\n4:cpu,cpuacct:/docker/4f2a\n")
    _write(groups / "memory", memory__limit_in_bytes=2 << 30, memory__usage_in_bytes=1 << 30)
    _write(groups / "cpu,cpuacct", cpu__cfs_quota_us=150000, cpu__cfs_period_us=100000)
    assert (container.memory_limit(), container.memory_left(), container.cores()) == (2 << 30, 1 << 30, 1)


def test_what_the_shell_allows_is_a_limit(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (groups / "state").write_text(f"{(1 << 30) // resource.getpagesize()} 5 5 5 0 5 0\n")
    monkeypatch.setattr(container, "STATE", groups / "state")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (3 << 30, resource.RLIM_INFINITY))
    assert (container.memory_limit(), container.memory_left()) == (3 << 30, 2 << 30)
    with pytest.raises(FactoryError, match=r"the student needs about 2\.5 GB"):
        machine.require_memory(5 << 29, "the student", None)
    (groups / "state").unlink()
    assert container.memory_left() == math.inf, "what cannot be read limits nothing"


def test_a_number_of_threads_that_a_person_has_set_stays(
    groups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (groups / "own").write_text("0::/\n")
    _write(groups, cpu__max="100000 100000")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert container.thread_variables() == {}


def test_a_model_that_fits_the_machine_and_not_the_container_is_refused(groups: Path) -> None:
    (groups / "own").write_text("0::/\n")
    _write(groups, memory__max=2 << 30, memory__current=1 << 30)
    with pytest.raises(FactoryError, match=r"the teacher needs about 1\.5 GB, 1\.0 GB are free"):
        machine.require_memory(3 << 29, "the teacher", None)
