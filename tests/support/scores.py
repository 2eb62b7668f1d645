"""`python -m tests.support.scores FOLDER TEXT ...`: the logprobs that vLLM gives to the tokens of each text
after its first word, and what it goes on with, as one line of JSON. A process of its own for each model
folder."""

import json
import sys
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from factory.inference.engine import Engine
from factory.inference.request import Request, Sampling


def main() -> None:
    folder, *texts = sys.argv[1:]
    engine = Engine(Path(folder), max_model_len=256, concurrency=4, kv_cache_gb=0.1)
    # By itself Transformers takes the tokenizer of a Qwen2 folder for Qwen2's own, which knows no words.
    engine.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    sampling = Sampling(0.0, 1.0, 4, logprobs=1)
    asked = []
    for i, text in enumerate(texts):
        first, _, rest = text.partition(" ")
        asked += [Request(f"forced {i}", [{"role": "user", "content": first}], sampling, forced=rest)]
        asked += [Request(f"free {i}", [{"role": "user", "content": first}], sampling)]
    found = {answer.key: answer for answer in engine.answer(asked)}
    scored = [found[f"forced {i}"].token_logprobs for i in range(len(texts))]
    told = [found[f"forced {i}"].text for i in range(len(texts))]
    assert told == [text.partition(" ")[2] for text in texts], told
    print(json.dumps({"forced": scored, "free": [found[f"free {i}"].token_ids for i in range(len(texts))]}))


if __name__ == "__main__":
    main()
