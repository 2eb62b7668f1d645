"""A request is known by everything that determines its answer, and draws its seed from that."""

import dataclasses
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from factory.inference.request import Request, Sampling, request_key

names = st.text(max_size=20)
messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": names}),
    max_size=3,
)
schemas = st.none() | st.dictionaries(names, st.integers() | names, max_size=2)
samplings = st.builds(
    Sampling,
    temperature=st.floats(0, 2),
    top_p=st.floats(0.01, 1),
    max_tokens=st.integers(1, 4096),
    logprobs=st.integers(0, 20),
)
arguments = st.fixed_dictionaries(
    {
        "model": names,
        "revision": names,
        "messages": messages,
        "schema": schemas,
        "sampling": samplings,
        "draw": st.integers(0, 63),
    }
)
Arguments = dict[str, Any]


def plain(given_arguments: Arguments) -> str:
    return json.dumps(
        given_arguments | {"sampling": dataclasses.asdict(given_arguments["sampling"])}, sort_keys=True
    )


@given(arguments, arguments)
def test_keys_are_equal_where_all_arguments_are(one: Arguments, other: Arguments) -> None:
    assert (request_key(**one) == request_key(**other)) == (plain(one) == plain(other))


@given(arguments, arguments, st.sampled_from(["model", "revision", "messages", "schema", "sampling", "draw"]))
def test_any_one_argument_changes_the_key(one: Arguments, other: Arguments, name: str) -> None:
    changed = one | {name: other[name]}
    assert (request_key(**one) == request_key(**changed)) == (plain(one) == plain(changed))


@given(arguments, samplings, st.sampled_from([field.name for field in dataclasses.fields(Sampling)]))
def test_any_one_sampling_parameter_changes_the_key(one: Arguments, other: Sampling, name: str) -> None:
    sampling = dataclasses.replace(one["sampling"], **{name: getattr(other, name)})
    assert (request_key(**one) == request_key(**one | {"sampling": sampling})) == (
        sampling == one["sampling"]
    )


@given(arguments)
def test_the_order_of_keys_in_a_message_does_not_matter(one: Arguments) -> None:
    turned = [dict(reversed(message.items())) for message in one["messages"]]
    assert request_key(**one) == request_key(**one | {"messages": turned})


@given(arguments)
def test_the_seed_has_31_bits_and_follows_from_the_key(one: Arguments) -> None:
    key = request_key(**one)
    request = Request(key, one["messages"], one["sampling"])
    assert 0 <= request.seed < 2**31
    assert request.seed == Request(key, [], Sampling(0, 1, 1)).seed


def test_draws_of_one_question_have_seeds_of_their_own() -> None:
    sampling = Sampling(0.8, 1.0, 64)
    seeds = {
        Request(request_key("m", "r", [], None, sampling, draw), [], sampling).seed for draw in range(64)
    }
    assert len(seeds) == 64


def test_the_key_is_pinned() -> None:
    """A changed key asks for every stored answer again: change it knowingly, or not at all."""
    key = request_key(
        "m", "r", [{"role": "user", "content": "Hi"}], {"type": "object"}, Sampling(0.8, 1.0, 64, 20), 1
    )
    assert key == "b2:2cd183d84c56813548075d48c38cece4"


def test_another_length_than_the_usual_one_is_another_request() -> None:
    keys = {
        request_key("m", "r", [], None, Sampling(0.8, 1.0, 64), 1, length) for length in (None, 1024, 4096)
    }
    assert len(keys) == 3
