"""The benchmark of GGUF files: what it counts, and what it asks of llama.cpp (a package stands in)."""

from pathlib import Path
from typing import Any

import pytest

from bench.gguf import compare, in_a_process

STUB = '''
class Llama:
    """Answers with the number of tokens of the prompt, then with the next numbers, without end."""
    def __init__(self, path, n_ctx, seed, verbose): self.path = path
    def generate(self, tokens, temp, top_k, repeat_penalty):
        assert (temp, top_k, repeat_penalty) == (0.0, 1, 1.0)
        number = len(tokens)
        while True:
            yield number
            number += 1
'''
JOB: dict[str, Any] = {
    "folder": "", "gguf": "x.gguf", "prompts": [[7, 8], [9], [5, 5, 5]], "most": [9, 2, 9], "stop": 5,
}  # fmt: skip


def test_an_answer_ends_at_the_end_of_turn_or_at_its_most_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llama_cpp.py").write_text(STUB)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = in_a_process("llama_cpp", JOB, tmp_path)
    assert found["answers"] == [[2, 3, 4], [1, 2], [3, 4]]
    assert found["seconds"] > 0


def test_the_same_answers_are_counted_and_others_shown(capsys: pytest.CaptureFixture[str]) -> None:
    answers = {
        "llama_cpp": {"answers": [[2, 3, 4], [1, 2], [3, 4]], "seconds": 2.0},
        "vllm": {"answers": [[2, 3, 4], [1, 6], [3]], "seconds": 1.0},
    }
    assert compare(JOB, answers.__getitem__) == {
        "tasks": 3, "same": 1, "tokens_per_s_llama_cpp": 3.5, "tokens_per_s_vllm": 6.0,
    }  # fmt: skip
    shown = capsys.readouterr().out
    assert "task 1 differs at token 1" in shown and "task 2 differs at token 1" in shown
