"""The encoder of the factory gives what Transformers gives for the same weights."""

import pytest

pytest.importorskip("torch")

import numpy as np
import torch
from transformers import AutoTokenizer, BertModel

from tests.unit.checks.test_sentence_encoder import ENCODER, TEXTS, carried


@pytest.mark.parametrize("text", TEXTS)
def test_the_vectors_are_those_of_transformers(text: str) -> None:
    folder = str(carried("model.safetensors").parent)
    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        states = BertModel.from_pretrained(folder)(**tokens).last_hidden_state[0]
    expected = torch.nn.functional.normalize(states.mean(dim=0), dim=0).numpy()
    assert np.abs(ENCODER.encode(text)[0] - expected).max() < 2e-6
