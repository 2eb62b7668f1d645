"""A store that another version of DuckDB wrote is named as that, and left as it is."""

import struct
from pathlib import Path

import pytest

from factory.errors import FactoryError
from factory.store.reader import ask
from factory.store.store import Store, read_store
from factory.workspace import Workspace
from tests.support.sample_rows import log_rows, make_workspace

HEADER = 4096  # checksum of the rest, DUCK, the version of the storage


def checksum(content: bytes) -> int:
    """Return what DuckDB writes before a block."""
    found = 5381
    for (word,) in struct.iter_unpack("<Q", content):
        found ^= (word * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    return found


@pytest.mark.parametrize("version", [1, 38, 63, 5000])
def test_a_store_of_another_duckdb(tmp_path: Path, version: int) -> None:
    workspace: Workspace = make_workspace(tmp_path, {"training_log": log_rows(2)})
    content = bytearray(workspace.store.read_bytes())
    assert struct.unpack_from("<Q", content)[0] == checksum(content[8:HEADER])
    struct.pack_into("<Q", content, 12, version)
    struct.pack_into("<Q", content, 0, checksum(content[8:HEADER]))
    workspace.store.write_bytes(content)
    for use in (
        lambda: Store(workspace.store, workspace.ledger),
        lambda: read_store(workspace.store).__enter__(),
    ):
        with pytest.raises(FactoryError, match="written by another version of DuckDB than") as caught:
            use()
        assert "Nothing in it is changed" in caught.value.hint
    with pytest.raises(FactoryError, match="version number"):
        ask(workspace.store, "SELECT 1")
    assert workspace.store.read_bytes() == content
