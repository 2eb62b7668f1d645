"""The format that is chosen for a base where the recipe names none, and what is said of it."""

from pathlib import Path

import pytest

from factory.chat_formats.auto import choose
from tests.support.tiny_formats import CHATML, GEMMA, LLAMA, MISTRAL, OWN, TAGS, TAGS_MARKS, base_folder


@pytest.mark.parametrize(
    ("special", "template", "name", "why"),
    [
        (
            CHATML,
            None,
            "hermes",
            "Hermes, because the base's tokenizer knows its marks <|im_start|>, <|im_end|>",
        ),
        (LLAMA, None, "llama3", "Llama 3, because"),
        (MISTRAL, None, "mistral", "Mistral, because"),
        (GEMMA, None, "gemma", "Gemma, because"),
        # As before there was a choice: a base with these marks was taught in them.
        ([*LLAMA, *CHATML], None, "hermes", "Hermes, because"),
        (LLAMA, TAGS, "llama3", "Llama 3, because"),
        (TAGS_MARKS, TAGS, "own", "the base's own template, because"),
        (TAGS_MARKS, TAGS, "own", "vLLM's parser hermes reads its calls"),
        (OWN["plain"][1], OWN["plain"][0], "own", "no calls: it fails: no tools"),
        (["<eos>"], None, "hermes", "for want of any"),
        (["<eos>"], "{{ 1 / 0 }}", "hermes", "its own chat template fails: division by zero"),
        ([*MISTRAL, "[ARGS]"], None, "hermes", "for want of any"),
    ],
)
def test_a_base_is_asked_what_it_speaks(
    special: list[str], template: str | None, name: str, why: str, tmp_path: Path
) -> None:
    found = choose(base_folder(tmp_path, special, template))
    assert found.name == name and why in found.why


def test_a_bundled_model_that_is_not_there_yet_speaks_the_default(tmp_path: Path) -> None:
    assert choose(tmp_path / "later").name == "hermes"
