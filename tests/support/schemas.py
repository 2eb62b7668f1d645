"""Random JSON Schemas of arguments, with references into definitions, unions and closed objects, and values
that are likely to fit them."""

from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "type", "items")  # the last two are keywords as well
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.sampled_from(["", "x", "xyz", 2.0, 2.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
_ATOMS: list[Any] = [
    True,
    {},
    {"type": "string", "minLength": 1},
    {"type": "string", "maxLength": 2, "description": "short"},
    {"type": "integer"},
    {"type": "number", "minimum": 2},
    {"type": "integer", "maximum": 5, "default": 1},
    {"type": ["string", "null"]},
    {"enum": ["x", 1, None]},
    {"const": 2},
    {"required": ["a"]},
    {"minItems": 1},
    {"type": "array", "maxItems": 2},
    {"type": "object", "minProperties": 1},
]


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": named},
        optional={
            "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
            "additionalProperties": st.just(False) | inner,
        },
    )
    unions = st.fixed_dictionaries({}, optional={"anyOf": several, "oneOf": several, "allOf": several})
    lists = st.fixed_dictionaries({"type": st.just("array"), "items": inner})
    both = st.builds(lambda one, other: one | other, objects, unions)
    return objects | unions | lists | both


def schemas(atoms: list[Any]) -> st.SearchStrategy[Any]:
    """Return schemas made of these smallest parts."""
    return st.recursive(st.sampled_from(atoms), _larger, max_leaves=6)


@st.composite
def referring(draw: st.DrawFn) -> dict[str, Any]:
    """Return the schema of an object whose parts refer to definitions, some beside other keywords, and these
    to earlier ones."""
    where = draw(st.sampled_from(["$defs", "definitions"]))
    defined: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 3))):
        defined[f"D{number}"] = draw(schemas([*_ATOMS, *_references(where, defined)]))
    atoms = [*_ATOMS, *_references(where, defined)]
    properties = draw(st.dictionaries(st.sampled_from(NAMES), schemas(atoms), min_size=1, max_size=3))
    return {"type": "object", "properties": properties, where: defined}


def _references(where: str, defined: dict[str, Any]) -> list[dict[str, Any]]:
    bare = [{"$ref": f"#/{where}/{name}"} for name in defined]
    beside: list[dict[str, Any]] = [
        {"description": "said here"},
        {"minimum": 3},
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"required": ["b"]},
    ]
    return [*bare, *(one | more for one in bare for more in beside)]


plain = schemas(_ATOMS)
arguments = st.dictionaries(st.sampled_from(NAMES), values, max_size=3)
