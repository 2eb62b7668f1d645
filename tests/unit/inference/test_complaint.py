"""The server's own sentence is found in every form of an error."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.inference.complaint import LONGEST, complaint, read_complaint

SAID = "Unsupported parameter: 'seed'."
FORMS: dict[str, tuple[Any, tuple[str, ...], int | None]] = {
    "OpenAI, Azure": ({"error": {"message": SAID, "param": "seed", "code": "unsupported"}}, ("seed",), None),
    "vLLM": ({"error": {"message": SAID, "type": "BadRequestError", "param": None, "code": 400}}, (), 400),
    "vLLM of old": ({"object": "error", "message": SAID, "param": None, "code": 400}, (), 400),
    "Gemini": ([{"error": {"code": 400, "message": SAID, "status": "INVALID_ARGUMENT"}}], (), 400),
    "Mistral's messages": ({"object": "error", "message": {"detail": [{"msg": SAID, "loc": []}]}}, (), None),
    "TGI": ({"error": SAID, "error_type": "validation"}, (), None),
    "Ollama": ({"error": SAID}, (), None),
    "a list of texts": ({"errors": [SAID]}, (), None),
    "a text": (SAID, (), None),
    "JSON in a text": ({"error": {"message": json.dumps({"error": {"message": SAID}})}}, (), None),
}


@pytest.mark.parametrize(("body", "names", "status"), FORMS.values(), ids=FORMS.keys())
def test_the_sentence_is_found(body: Any, names: tuple[str, ...], status: int | None) -> None:
    said = read_complaint(json.dumps(body).encode())
    assert (said.sentence, said.names, said.status) == (SAID, names, status)


def test_the_place_is_named_with_the_sentence() -> None:
    body = {
        "detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs", "input": 5}]
    }
    said = complaint(body)
    assert (said.sentence, said.names) == ("body.seed: Extra inputs", ("seed",))


def test_a_router_hands_on_what_the_server_behind_it_said() -> None:
    raw = json.dumps({"error": {"message": SAID, "param": "seed"}})
    said = complaint({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw}}})
    assert (said.sentence, said.names, said.status) == (f"Provider returned error; {SAID}", ("seed",), 400)


@pytest.mark.parametrize("body", [b"Bad Request\n", b"<html>\n", b"\xff\xfe", b"", b"[" * 100_000])
def test_what_is_no_json_is_a_line(body: bytes) -> None:
    said = read_complaint(body).sentence
    assert "\n" not in said and len(said) <= LONGEST


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "param", "loc", "metadata", "raw"]), inner
        )
    ),
    max_leaves=20,
)


@given(values)
def test_any_json_at_all_is_read(value: Any) -> None:
    said = complaint(value)
    assert len(said.sentence) <= LONGEST and "\n" not in said.sentence
