"""Every bit that counts in a store's file is proved; what DuckDB itself leaves free is not."""

import random
import struct
from pathlib import Path

import duckdb
import pytest

from factory.store.blocks import examine_blocks
from tests.support.sample_rows import finished, generation, make_workspace


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of some ten blocks."""
    rows = [generation(f"key {number}", f"{number:032x}" * 30) for number in range(3000)]
    return make_workspace(
        tmp_path_factory.mktemp("whole"), finished(), {"generations": rows}
    ).store.read_bytes()


def told(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return examine_blocks(path).told()


def test_a_whole_file_is_whole(whole: bytes, tmp_path: Path) -> None:
    assert told(tmp_path / "f", whole) == "" and len(whole) > 5 << 18


def test_any_changed_bit_is_found_unless_it_lies_in_a_free_block(whole: bytes, tmp_path: Path) -> None:
    chance = random.Random(5)
    with duckdb.connect() as connection:
        (tmp_path / "f").write_bytes(whole)
        connection.execute(f"ATTACH '{tmp_path / 'f'}' AS f (READ_ONLY)")
        (free,) = connection.execute(
            "SELECT free_blocks FROM pragma_database_size() WHERE database_name = 'f'"
        ).fetchone() or (0,)
    unseen = set()
    for block in range((len(whole) - 3 * 4096) // (1 << 18)):
        start = 3 * 4096 + (block << 18)
        for place in (start, start + (1 << 18) - 1, start + chance.randrange(1 << 18)):
            content = bytearray(whole)
            content[place] ^= 1 << chance.randrange(8)
            said = told(tmp_path / "f", content)
            if said:
                assert (
                    "1 of its blocks of 262,144 bytes are not what was written" in said
                    and f"at byte {start:,}" in said
                )
            else:
                unseen.add(block)
    assert len(unseen) <= free


def test_either_header_may_be_torn_and_both_may_not(whole: bytes, tmp_path: Path) -> None:
    first, second = (struct.unpack_from("<Q", whole, place + 8)[0] for place in (4096, 8192))
    older, newer = (4096, 8192) if first < second else (8192, 4096)
    content = bytearray(whole)
    content[older + 100] ^= 1
    assert told(tmp_path / "f", content) == ""
    content[newer + 100] ^= 1
    assert "header is not what was written" in told(tmp_path / "f", content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda whole: b"", "it is empty"),
        (lambda whole: whole[:5000], "within its header"),
        (lambda whole: b"x" * 20000, "not a DuckDB file"),
        (lambda whole: whole[: 3 * 4096 + (1 << 18) + 5], "blocks are missing: it was cut short"),
        (lambda whole: whole[: 3 * 4096], "blocks are missing"),
        (lambda whole: whole[: 3 * 4096] + bytes(len(whole)), "are not what was written"),
    ],
)
def test_grosser_damage_is_told_in_words(whole: bytes, tmp_path: Path, damage: object, words: str) -> None:
    assert words in told(tmp_path / "f", damage(whole))  # type: ignore[operator]


def test_another_layout_is_not_judged(whole: bytes, tmp_path: Path) -> None:
    content = bytearray(whole)
    content[12] ^= 1
    (tmp_path / "f").write_bytes(content)
    blocks = examine_blocks(tmp_path / "f")
    assert blocks.whole and "storage version" in blocks.unknown
