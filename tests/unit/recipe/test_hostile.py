"""Whatever a file holds, loading it ends at once, in faults, and builds nothing but plain values."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.errors import InputError
from factory.recipe import load_recipe
from factory.recipe.load import MAX_BYTES
from tests.unit.recipe.conftest import PLAIN, Write, faults


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", "1: the file is empty"),
        ("# only a comment\n", "1: the file is empty"),
        ("- name\n", "1: a recipe is a mapping"),
        ("name: [a,\nb: c\n", "3: column 1: not valid YAML"),
        ("name: a\n\tseed: 1\n", "2: column 1: not valid YAML"),
        ("name: a\nseed: \x07\n", "2: column 7: not valid YAML: a control character"),
        ("name: a\n---\nname: b\n", "2: a second document starts here"),
        ("name: " + "[" * 200_000, "1: nested more than"),
        ("name: " + "{a: " * 50_000, "1: nested more than"),
        ("name:\n" + "- x\n" * 50_000, "5000: more than 5000 values"),
    ],
)
def test_unreadable_text_is_one_fault(write: Write, text: str, start: str) -> None:
    (told,) = faults(write(text))
    assert told.startswith(start)


def test_an_alias_bomb_is_refused(write: Write) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}, *{old}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
    )
    told = faults(write(bomb + PLAIN))
    assert any(line.startswith("1: a: anchors (&a) are refused") for line in told)
    assert any(line.startswith("2: b[2]: aliases (*a) are refused") for line in told)


def test_a_merge_key_is_refused(write: Write) -> None:
    told = faults(write("x: &x {name: a}\n<<: *x\n" + PLAIN))
    assert any(line.startswith("2: <<: aliases") for line in told)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!secret", "!!str"]
)
def test_tags_are_refused_and_nothing_is_built(write: Write, tag: str) -> None:
    (told,) = faults(write(PLAIN + f"seed: {tag} ['touch /tmp/x']\n"))
    assert told.startswith("16: seed: tags (") and "are refused" in told


def test_a_key_given_twice_is_a_fault_beside_the_others(write: Write) -> None:
    told = faults(write(PLAIN + "seed: -1\nseed: 2\n"))
    assert told == ["16: seed: must be at least 0, not -1", "17: seed: given twice; it is on line 16 already"]


def test_a_key_that_is_no_word_is_a_fault(write: Write) -> None:
    (told,) = faults(write(PLAIN + "? [a, b]\n: 1\n"))
    assert told == "16: a key must be a plain word"


def test_escapes_for_a_terminal_are_not_passed_on(write: Write) -> None:
    told = faults(write(PLAIN + '"\\e[2Jx": 1\nchecks: ["\\e[31mschema", schema, execution]\n'))
    assert len(told) == 2
    assert all(line.isprintable() for line in told)


def test_a_large_file_is_refused_before_it_is_parsed(write: Write) -> None:
    with pytest.raises(InputError, match="larger than 256 KB"):
        load_recipe(write(PLAIN + "#" * MAX_BYTES))


def test_bytes_that_are_no_text_are_a_fault_with_a_line(write: Write) -> None:
    path = write("")
    path.write_bytes(b"name: a\nseed: \xff\n")
    assert faults(path) == ["2: not UTF-8 text (byte 0xff)"]


@pytest.mark.parametrize(
    ("number", "fault"),
    [("1e-3", None), ("1E-3", None), ("0.001", None), (".inf", "finite"), ("9" * 5000, "finite")],
)
def test_numbers_are_read_as_yaml_1_2_has_them(write: Write, number: str, fault: str | None) -> None:
    path = write(PLAIN.replace("sft: {steps: 2}", f"sft: {{steps: 2, learning_rate: {number}}}"))
    if fault:
        assert fault in faults(path)[0]
    else:
        student = load_recipe(path).recipe.student
        assert student is not None and student.stages[0].settings.learning_rate == 0.001


def test_a_name_and_a_choice_among_numbers_are_told_in_words(write: Write) -> None:
    adapter = PLAIN.replace("  stages:", "  adapter: {kind: lora, name: My Adapter}\n  stages:")
    told = faults(write(adapter + "compress: {quantize: w4a16, group_size: 48}\n"))
    assert told[0].startswith("11: student.adapter.name: must be lower-case letters, digits and dashes")
    assert told[1] == "17: compress.group_size: 48 is not one of 32, 64 or 128"


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.just("../x")
    | st.just("~")
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = st.sampled_from(
    [
        (),
        ("teacher",),
        ("teacher", "model"),
        ("teacher", "endpoints"),
        ("teacher", "sampling"),
        ("data",),
        ("data", "seeds"),
        ("checks",),
    ]
    + [
        ("student",),
        ("student", "base"),
        ("student", "stages"),
        ("student", "stages", 0),
        ("student", "stages", 1, "distill"),
    ]
    + [("evaluate",), ("evaluate", "held_out"), ("compress",), ("limits",), ("seed",), ("name",), ("other",)]
)


@given(place=PLACES, new=VALUES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_value_anywhere_loads_or_is_told(write: Write, place: tuple[str | int, ...], new: object) -> None:
    value = yaml.safe_load(PLAIN)
    inner = value
    for part in place[:-1]:
        inner = inner[part]
    if place:
        inner[place[-1]] = new
    _loads_or_is_told(write(yaml.safe_dump(value if place else new)))


@given(text=st.text(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_text_is_told(write: Write, text: str) -> None:
    path = write("")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    _loads_or_is_told(path)


def _loads_or_is_told(path: Path) -> None:
    try:
        load_recipe(path)
    except InputError as error:
        assert error.message.startswith(f"{path}:")
        assert all(line.isprintable() for line in error.message.splitlines())
