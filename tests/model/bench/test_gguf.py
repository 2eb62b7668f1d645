"""llama.cpp itself, where it is installed, reads our GGUF file as Transformers reads the folder."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("llama_cpp")

from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from bench.gguf import ENGINES  # noqa: E402
from factory.export.gguf import write_gguf  # noqa: E402
from tests.model.export.test_gguf import TEXTS, _folder  # noqa: E402


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_greedy_answers_are_the_same(tmp_path: Path, kind: str) -> None:
    folder = _folder(tmp_path / "m", kind)
    write_gguf(folder, tmp_path / "m.gguf", "bf16")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    prompts = [tokenizer.encode(text, add_special_tokens=False) for text in TEXTS]
    stop = tokenizer.eos_token_id
    job = {
        "folder": str(folder),
        "gguf": str(tmp_path / "m.gguf"),
        "prompts": prompts,
        "most": [12, 12],
        "stop": stop,
    }
    ours = []
    for prompt in prompts:
        answer = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=12, pad_token_id=stop)
        ours.append([token for token in answer[0, len(prompt) :].tolist() if token != stop])
    assert ENGINES["llama_cpp"](job)["answers"] == ours
