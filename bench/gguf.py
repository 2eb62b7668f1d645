"""A student as GGUF in llama.cpp beside the same one in vLLM: are the greedy answers the same, and how fast.

python -m bench.gguf WORKSPACE [--artifact NAME] [--type bf16|q8_0|q4_0] [--recipe FILE] [--tasks 50]

Both get the same token ids of held-out tasks, one task at a time, each engine in a process of its own, and
end at the student's end of turn. `same` counts the answers that are the same to the last token. llama.cpp
comes with llama-cpp-python, which is nobody's dependency, and which pip builds (a C++ compiler and cmake):

    pip install --no-deps llama-cpp-python==0.3.36 diskcache

Ends on one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from factory.context.training_set import spread
from factory.export.held_out import held_out
from factory.inference.environment import ENVIRONMENT
from factory.serve.server import choose
from factory.system.progress import Progress
from factory.workspace import Workspace

ROOT = Path(__file__).parents[1]
CONTEXT = 2048
Job = dict[str, Any]  # folder, gguf, prompts (token ids), most tokens of each, stop (a token id)
Answered = dict[str, Any]  # answers (token ids), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--artifact", help="a student's name; empty: the one that factory gguf chooses")
    parser.add_argument("--type", default="q8_0", choices=["bf16", "q8_0", "q4_0"])
    parser.add_argument("--recipe", type=Path, help="the latest run's recipe, if it is not where it was")
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--engine", choices=list(ENGINES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine:
        job = json.loads(arguments.workspace.read_text(encoding="utf-8"))
        print(json.dumps(ENGINES[arguments.engine](job)))
        return
    with tempfile.TemporaryDirectory() as name:
        job = make_job(Workspace(arguments.workspace), arguments, Path(name))
        print(json.dumps(compare(job, lambda engine: in_a_process(engine, job, Path(name)))))


def make_job(workspace: Workspace, arguments: argparse.Namespace, folder: Path) -> Job:
    """Write the GGUF file, and return what both engines are asked."""
    from tokenizers import Tokenizer

    from factory.export.gguf import write_gguf

    student = choose(workspace.existing(), arguments.artifact)
    tokenizer = Tokenizer.from_file(str(student / "tokenizer.json"))
    asked = [
        (source.rendered(task), source.max_tokens, source.turn_end)
        for source in held_out(workspace, arguments.recipe, Progress())
        for task in source.tasks
    ]
    chosen = [asked[place] for place in spread(list(range(len(asked))), arguments.tasks)]
    write_gguf(student, folder / "student.gguf", arguments.type)
    return {
        "folder": str(student),
        "gguf": str(folder / "student.gguf"),
        "prompts": [tokenizer.encode(text, add_special_tokens=False).ids for text, _, _ in chosen],
        "most": [most for _, most, _ in chosen],
        "stop": tokenizer.token_to_id(chosen[0][2]),
    }


def compare(job: Job, answered: Callable[[str], Answered]) -> dict[str, float]:
    """Return how many answers are the same, and the speed of both."""
    found = {engine: answered(engine) for engine in ENGINES}
    ours, theirs = (found[engine]["answers"] for engine in ENGINES)
    for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one != other:
            print(f"task {place} differs at token {_first_difference(one, other)}: {one} and {other}")
    speeds = {
        f"tokens_per_s_{engine}": round(sum(map(len, one["answers"])) / one["seconds"], 1)
        for engine, one in found.items()
    }
    same = sum(one == other for one, other in zip(ours, theirs, strict=True))
    return {"tasks": len(job["prompts"]), "same": same, **speeds}


def _first_difference(one: list[int], other: list[int]) -> int:
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def in_a_process(engine: str, job: Job, folder: Path) -> Answered:
    """Answer the job with one engine in a process of its own, whose memory is free for the other."""
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "bench.gguf", str(folder / "job.json"), "--engine", engine],
        cwd=ROOT, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _llama_cpp(job: Job) -> Answered:
    from llama_cpp import Llama

    model, answers = Llama(job["gguf"], n_ctx=CONTEXT, seed=0, verbose=False), []
    started = time.monotonic()
    for prompt, most in zip(job["prompts"], job["most"], strict=True):
        answer = list[int]()
        for token in model.generate(prompt, temp=0.0, top_k=1, repeat_penalty=1.0):
            if token == job["stop"]:
                break
            answer.append(token)
            if len(answer) == most:
                break
        answers.append(answer)
    return {"answers": answers, "seconds": time.monotonic() - started}


def _vllm(job: Job) -> Answered:
    from vllm import LLM, SamplingParams

    from factory.models.precision import running_precision
    from factory.system.machine import has_gpu

    plain = {} if has_gpu() else {"enforce_eager": True, "enable_chunked_prefill": False, "block_size": 32}
    model = LLM(
        job["folder"], dtype=running_precision(Path(job["folder"])), max_model_len=CONTEXT,
        max_num_batched_tokens=4096, kv_cache_memory_bytes=2**30, generation_config="vllm", **plain,
    )  # fmt: skip
    answers = []
    started = time.monotonic()
    for prompt, most in zip(job["prompts"], job["most"], strict=True):
        how = SamplingParams(temperature=0, max_tokens=most, stop_token_ids=[job["stop"]], ignore_eos=True)
        (output,) = model.generate({"prompt_token_ids": prompt}, how, use_tqdm=False)
        answers.append([token for token in output.outputs[0].token_ids if token != job["stop"]])
    return {"answers": answers, "seconds": time.monotonic() - started}


ENGINES: dict[str, Callable[[Job], Answered]] = {"llama_cpp": _llama_cpp, "vllm": _vllm}

if __name__ == "__main__":
    main()
