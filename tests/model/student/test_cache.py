"""A cache of hidden states is whole, proved, within its budget, and another one for another teacher."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from factory.errors import FactoryError, InputError  # noqa: E402
from factory.student.cache import HiddenCache, open_cache  # noqa: E402
from factory.tasks.rows import TrainingRow  # noqa: E402
from tests.support import tiny  # noqa: E402
from tests.support.caches import made_here  # noqa: E402


@pytest.fixture
def here() -> Iterator[None]:
    with made_here():
        yield


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    folder = tmp_path / "teacher"
    tiny.tokenizer().save_pretrained(folder)
    tiny.model(2, layers=3).save_pretrained(folder)
    return folder


def _open(
    tmp_path: Path, teacher: Path, rows, *, revision: str = "r1", max_bytes: int = 10**7, dtype=torch.float32
) -> HiddenCache:
    return open_cache(tmp_path / "cache", teacher, revision, rows, [1], dtype, max_bytes=max_bytes, pad=0)


def test_without_room_on_the_disk_nothing_is_begun(
    tmp_path: Path, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache" / ".hidden-killed.staging-1").mkdir(parents=True)
    monkeypatch.setattr("factory.student.cache.shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(FactoryError, match="GB, 0.0 are free where"):
        _open(tmp_path, teacher, tiny.rows(3, 1))
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("dtype", "process"), [(torch.float32, made_here), (torch.bfloat16, nullcontext)], ids=["here", "alone"]
)
def test_it_holds_the_states_that_predict_the_calls_and_the_head(
    tmp_path: Path, teacher: Path, dtype, process
) -> None:
    rows, model = tiny.rows(11, 1), tiny.model(2, layers=3).to(dtype)
    # Padding changes the order of sums, which shows in the last of bfloat16's eight bits, layer after layer.
    near = {"rtol": 1e-3, "atol": 1e-3} if dtype == torch.float32 else {"rtol": 0.1, "atol": 1.0}
    with process():
        cache = _open(tmp_path, teacher, rows, dtype=dtype)
    for asked in ([3], [10, 0, 5]):
        for file, layer in ((0, 3), (1, 1)):
            expected = [
                tiny.hidden(model, rows[row].spans[0].teacher_ids, layer)[
                    -rows[row].spans[0].length - 1 : -1
                ].float()
                for row in asked
            ]
            assert torch.allclose(cache.states(file, asked).float(), torch.cat(expected), **near)
    states = cache.states(0, [4])
    expected = tiny.logits(model, rows[4].spans[0].teacher_ids)[-rows[4].spans[0].length - 1 : -1].float()
    assert torch.allclose(cache.head.logits(states), expected, **near)


def _with(row: TrainingRow, teacher_ids: list[int], length: int) -> TrainingRow:
    return replace(row, spans=(replace(row.spans[0], teacher_ids=teacher_ids, length=length),))


def test_a_row_of_several_spans_has_the_states_of_each_in_order(
    tmp_path: Path, teacher: Path, here: None
) -> None:
    one, other, last = tiny.rows(3, 1)
    both = replace(one, spans=one.spans + other.spans)
    cache, model = _open(tmp_path, teacher, [last, both, replace(one, spans=())]), tiny.model(2, layers=3)
    expected = [tiny.hidden(model, span.teacher_ids, 3)[-span.length - 1 : -1].float() for span in both.spans]
    assert torch.allclose(cache.states(0, [1]), torch.cat(expected), rtol=1e-3, atol=1e-3)
    assert len(cache.states(0, [2])) == 0


def test_what_rows_begin_with_together_is_read_once_and_changes_nothing(
    tmp_path: Path, teacher: Path, here: None
) -> None:
    model = tiny.model(2, layers=3)
    begun = [[5, 6, 7, 8, 9, 10, 11, 12], [5, 6, 7, 8, 20, 21, 22, 23, 24, 25]]
    rows = [
        _with(row, begun[i % 2] + row.spans[0].teacher_ids, row.spans[0].length)
        for i, row in enumerate(tiny.rows(40, 1))
    ]
    # One that is another's beginning, and one that is said twice.
    rows += [
        _with(rows[0], rows[0].spans[0].teacher_ids[:-1], rows[0].spans[0].length - 1),
        rows[1],
    ]
    cache = _open(tmp_path, teacher, rows)
    for row, made in enumerate(rows):
        for file, layer in ((0, 3), (1, 1)):
            expected = tiny.hidden(model, made.spans[0].teacher_ids, layer)[
                -made.spans[0].length - 1 : -1
            ].float()
            assert torch.allclose(cache.states(file, [row]), expected, rtol=1e-3, atol=1e-3)


def test_what_is_there_is_taken_and_another_teacher_makes_another(
    tmp_path: Path, teacher: Path, here: None
) -> None:
    rows = tiny.rows(3, 1)
    _open(tmp_path, teacher, rows)
    (first,) = (tmp_path / "cache").iterdir()
    made = (first / "manifest.json").stat().st_mtime_ns
    _open(tmp_path, teacher, rows)
    assert (first / "manifest.json").stat().st_mtime_ns == made
    _open(tmp_path, teacher, rows, revision="r2")
    (second,) = (tmp_path / "cache").iterdir()
    assert second != first


def test_a_changed_byte_is_found(tmp_path: Path, teacher: Path, here: None) -> None:
    rows = tiny.rows(3, 1)
    _open(tmp_path, teacher, rows)
    (folder,) = (tmp_path / "cache").iterdir()
    data = bytearray((folder / "states-0.bin").read_bytes())
    data[100] ^= 1
    (folder / "states-0.bin").write_bytes(data)
    with pytest.raises(FactoryError, match=r"states-0\.bin does not match its digest in manifest\.json"):
        _open(tmp_path, teacher, rows)


def test_one_that_would_be_too_large_is_refused_before_it_is_made(tmp_path: Path, teacher: Path) -> None:
    with pytest.raises(InputError, match="cache_gb allows") as caught:
        _open(tmp_path, teacher, tiny.rows(3, 1), max_bytes=1000)
    assert "in_process" in caught.value.hint
    assert not (tmp_path / "cache").exists()


def test_the_files_are_as_large_as_the_budget_was_told(tmp_path: Path, teacher: Path, here: None) -> None:
    rows = tiny.rows(5, 1)
    _open(tmp_path, teacher, rows)
    (folder,) = (tmp_path / "cache").iterdir()
    positions = sum(row.spans[0].length for row in rows)
    assert [(folder / f"states-{i}.bin").stat().st_size for i in (0, 1)] == [positions * 32 * 4] * 2
