"""A student with a head behind its own server: labels through the `openai` client, what is deferred and where
to, and requests that are none."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from factory.errors import InputError
from factory.models.calibration import Calibration, Deferral
from factory.serve.deferral import deferring
from factory.serve.labels import Deferring, LabelServing
from tests.support.model_server import Server
from tests.support.model_server import serving as model_server


class Sure:
    """Says `card` by the probability that is the text, and nothing of long texts."""

    def probabilities(self, text: str) -> dict[str, float] | None:
        return None if len(text) > 20 else {"card": float(text), "other": 1 - float(text)}


def _asked(serving: LabelServing, text: Any, **more: Any) -> Any:
    client = OpenAI(base_url=serving.url, api_key="secret", max_retries=0)
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model=serving.model, messages=messages, **more)


def _post(serving: LabelServing, body: bytes, path: str = "/chat/completions") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(serving.url + path, body)) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["error"]["message"]


def test_the_answer_is_the_label_with_its_probability_beside_it() -> None:
    with LabelServing(Sure(), "student", port=0) as serving:
        said = _asked(serving, "0.75")
        parts = _asked(serving, [{"type": "text", "text": "0.2"}])
        streamed = [chunk.choices[0].delta.content for chunk in _asked(serving, "0.9", stream=True)]
        listed = OpenAI(base_url=serving.url, api_key="none").models.list().data
    assert said.choices[0].message.content == "card" and said.choices[0].finish_reason == "stop"
    assert said.label == {
        "label": "card",
        "probability": 0.75,
        "probabilities": {"card": 0.75, "other": 0.25},
    }
    assert said.deferred is False
    assert parts.choices[0].message.content == "other"
    assert streamed == ["card"]
    assert [one.id for one in listed] == ["student"]


def test_a_label_that_is_less_likely_is_deferred_and_said_to_be() -> None:
    with LabelServing(Sure(), "student", port=0, deferring=Deferring(0.8)) as serving:
        unsure, sure = _asked(serving, "0.79"), _asked(serving, "0.8")
    assert unsure.deferred is True and unsure.choices[0].message.content is None
    assert unsure.choices[0].message.refusal == "deferred: no label has the probability 0.800"
    assert sure.deferred is False and sure.choices[0].message.content == "card"


def test_what_is_deferred_is_answered_by_another_server_with_its_own_model() -> None:
    with (
        model_server(Server(text="billing")) as other,
        LabelServing(Sure(), "student", port=0, deferring=Deferring(0.8, other.url, "large")) as serving,
    ):
        said = _asked(serving, "0.5", stream=False, temperature=0)
        _asked(serving, "0.9")
    assert said.choices[0].message.content == "billing" and said.deferred is True
    assert said.label["probability"] == 0.5
    (asked,) = other.asked
    assert asked["model"] == "large" and asked["messages"][-1]["content"] == "0.5"
    assert "stream" not in asked and asked["temperature"] == 0
    assert other.headers[-1]["authorization"] == "Bearer secret"


@pytest.mark.parametrize("down", ["http://127.0.0.1:9/v1", ""])
def test_another_server_that_fails_is_named(down: str) -> None:
    with (
        model_server(Server(plan=[(503, {"error": "busy"})])) as other,
        LabelServing(Sure(), "student", port=0, deferring=Deferring(0.8, down or other.url)) as serving,
    ):
        status, why = _post(serving, json.dumps({"messages": [{"content": "0.5"}]}).encode())
    assert status == 502
    assert (f"{down or other.url}/chat/completions") in why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"nonsense", "the body is not JSON"),
        (b"[1]", "the body is no JSON object"),
        (b"{}", "messages must end with one whose content is text"),
        (b'{"messages": []}', "messages must end with"),
        (b'{"messages": ["x"]}', "messages must end with"),
        (b'{"messages": [{"content": [{"type": "image_url"}]}]}', "messages must end with"),
        (b'{"messages": [{"content": "0.5555555555555555555555"}]}', "longer than the model was made for"),
        (b"[" * 100_000, "the body is not JSON"),
    ],
)
def test_what_is_no_request_is_refused_in_one_sentence(body: bytes, why: str) -> None:
    with LabelServing(Sure(), "student", port=0) as serving:
        status, told = _post(serving, body)
        assert _post(serving, b"{}", "/embeddings")[0] == 404
        assert _asked(serving, "0.75").choices[0].message.content == "card"  # it goes on
    assert status == 400 and why in told


def _folder(folder: Path, threshold: float | None, *, head: bool = True) -> Path:
    form = "BertForSequenceClassification" if head else "LlamaForCausalLM"
    (folder / "config.json").write_text(json.dumps({"architectures": [form]}))
    if head:
        Calibration(1.5, 0.02, Deferral(threshold, 30, 20, 0)).write(folder)
    return folder


def test_the_threshold_is_the_calibrations_or_the_one_that_is_given(tmp_path: Path) -> None:
    folder = _folder(tmp_path, 0.7)
    how = {"to": "", "model": ""}
    assert deferring(folder, wanted=True, below=None, **how) == Deferring(0.7)
    assert deferring(folder, wanted=False, below=0.9, **how) == Deferring(0.9)
    assert deferring(folder, wanted=False, below=None, **how) == Deferring(0.0)


@pytest.mark.parametrize(
    ("threshold", "head", "asked", "why"),
    [
        (None, True, {"wanted": True}, "no label was sure enough"),
        (0.7, False, {"wanted": True}, "writes its answers"),
        (0.7, True, {"to": "http://127.0.0.1:1/v1"}, "texts that are passed on, and none is"),
        (0.7, True, {"wanted": True, "model": "large"}, "none is named"),
        (0.7, True, {"wanted": True, "to": "localhost"}, "is no URL"),
    ],
)
def test_what_cannot_be_deferred_is_refused(
    tmp_path: Path, threshold: float | None, head: bool, asked: dict[str, Any], why: str
) -> None:
    folder = _folder(tmp_path, threshold, head=head)
    with pytest.raises(InputError, match=why):
        deferring(folder, **({"wanted": False, "below": None, "to": "", "model": ""} | asked))
