"""A model with a classification head, run by Transformers in this process: a text in, one of its labels and
the probability of each out.

vLLM serves such models too (`--runner pooling`, its endpoint `/classify`), but knows no calibration and no
deferral, and starts an engine for what is one forward pass here.

Promise: the probabilities are those of the calibration that lies in the folder, where one does. A text that
is longer than the model was made for is answered with the error `prompt_too_long`, never cut.
"""

import copy
import itertools
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from factory.inference.request import TOO_LONG, Answer, Request
from factory.models.calibration import probabilities, read_calibration
from factory.models.folder import positions
from factory.models.precision import running_precision

TOGETHER = 32  # texts in one pass


def text_ids(tokenizer: Any, text: str) -> list[int]:
    """Return the tokens of a text as a model with a head reads it: the question of a conversation where it
    has a chat template, else the bare text between the marks of an encoder."""
    if tokenizer.chat_template:
        rendered = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
        )
        return list(tokenizer.encode(rendered, add_special_tokens=False))
    return list(tokenizer.encode(text))


def longest(folder: Path, tokenizer: Any) -> int:
    """Return the most tokens of a text for the model in `folder`."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    # Some count places that a text cannot take, as RoBERTa does: their tokenizers know.
    return min(positions(config) or 2**31, int(tokenizer.model_max_length))


def padding(tokenizer: Any) -> int:
    """Return the token that fills a batch up."""
    known = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    return int(known or 0)


class Classifier:
    """The model in `folder`; `temperature` None: the one that it was calibrated with."""

    def __init__(self, folder: Path, temperature: float | None = None):
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._torch = torch
        kind = torch.bfloat16 if running_precision(folder) == "bfloat16" else torch.float32
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=kind).eval().to(device)
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._longest, self._pad = longest(folder, self._tokenizer), padding(self._tokenizer)
        self.calibration = read_calibration(folder)
        calibrated = self.calibration.temperature if self.calibration else 1.0
        self.temperature = calibrated if temperature is None else temperature
        names: dict[int, str] = self._model.config.id2label
        self.labels = tuple(names[place] for place in range(len(names)))

    def uncalibrated(self) -> "Classifier":
        """Return the same model with the probabilities that it has by itself."""
        plain = copy.copy(self)
        plain.temperature = 1.0
        return plain

    def logits(self, texts: Sequence[str]) -> list[list[float] | None]:
        """Return the logit of each label for each text; None for a text that is too long."""
        rows = [text_ids(self._tokenizer, text) for text in texts]
        found: list[list[float] | None] = [None] * len(rows)
        fitting = [place for place, row in enumerate(rows) if 0 < len(row) <= self._longest]
        # Those of like length together, or short ones would be read with much padding.
        fitting.sort(key=lambda place: len(rows[place]))
        for start in range(0, len(fitting), TOGETHER):
            some = fitting[start : start + TOGETHER]
            for place, values in zip(some, self._pass([rows[place] for place in some]), strict=True):
                found[place] = values
        return found

    def probabilities(self, text: str) -> dict[str, float] | None:
        """Return the probability of each label for a text, None where the text is too long."""
        (values,) = self.logits([text])
        return None if values is None else self._by_label(values)

    def answer(self, requests: Iterable[Request | None]) -> Iterator[Answer]:
        """Yield the label of the last message of each request."""
        waiting = iter(requests)
        while some := list(itertools.islice(waiting, TOGETHER)):
            asked = [request for request in some if request is not None]
            started = time.perf_counter()
            found = self.logits([str(request.messages[-1]["content"]) for request in asked])
            seconds = time.perf_counter() - started
            for request, values in zip(asked, found, strict=True):
                if values is None:
                    yield Answer(request.key, "", "stop", 0, 0, seconds, error=TOO_LONG)
                    continue
                sure = self._by_label(values)
                label = max(sure, key=lambda name: sure[name])
                yield Answer(request.key, label, "stop", 0, 0, seconds, label_probabilities=sure)

    def _by_label(self, values: Sequence[float]) -> dict[str, float]:
        return dict(zip(self.labels, probabilities(values, self.temperature), strict=True))

    def _pass(self, rows: Sequence[list[int]]) -> list[list[float]]:
        torch, width = self._torch, max(map(len, rows))
        filled = [row + [self._pad] * (width - len(row)) for row in rows]
        seen = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
        device = self._model.device
        with torch.inference_mode():
            output = self._model(
                input_ids=torch.tensor(filled, device=device),
                attention_mask=torch.tensor(seen, device=device),
            )
        values: list[list[float]] = output.logits.double().tolist()
        return values
