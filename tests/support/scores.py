"""What vLLM says of texts by the model of a folder, in a process of its own for each folder."""

from multiprocessing.connection import Connection
from pathlib import Path

import vllm  # noqa: F401  so that it is loaded when the processes are forked
from transformers import PreTrainedTokenizerFast

from factory.inference.engine import Engine
from factory.inference.request import Request, Sampling


def main(folder: Path, texts: list[str], parent: Connection) -> None:
    """Send the logprobs of the tokens of each text after its first word, and the tokens that the model goes
    on with."""
    engine = Engine(folder, max_model_len=256, concurrency=4, kv_cache_gb=0.1)
    # By itself Transformers takes the tokenizer of a Qwen2 folder for Qwen2's own, which knows no words.
    engine.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    sampling = Sampling(0.0, 1.0, 4, logprobs=1)
    asked = []
    for i, text in enumerate(texts):
        first, _, rest = text.partition(" ")
        asked += [Request(f"forced {i}", [{"role": "user", "content": first}], sampling, forced=rest)]
        asked += [Request(f"free {i}", [{"role": "user", "content": first}], sampling)]
    found = {answer.key: answer for answer in engine.answer(asked)}
    forced = [found[f"forced {i}"] for i in range(len(texts))]
    assert [answer.text for answer in forced] == [text.partition(" ")[2] for text in texts]
    parent.send(
        {
            "forced": [answer.token_logprobs for answer in forced],
            "free": [found[f"free {i}"].token_ids for i in range(len(texts))],
        }
    )
