"""How fast is the factory's generation, all of it, beside a bare `vllm.LLM.chat` over the same prompts and parameters?

python -m tests.bench.generation [--count 192] [--rounds 2]

Three ways, each in a fresh process, in turn, round after round: the factory (engine loop, logprobs, samples, checks, store), `LLM.chat`
as anyone would start it, and `LLM.chat` with vLLM's multiprocessing off. All get the same model, dtype, messages, JSON Schema,
temperature, seeds, logprobs, eager mode, cache size and concurrency. The clock runs from the first request to the last answer stored or
returned; starting the engine is left out on every side. Prints a table, then one JSON object.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from factory.context import Context
from factory.inference.environment import ENVIRONMENT
from factory.models.precision import fast_precision
from factory.progress import Progress
from factory.recipe import load_recipe
from factory.workspace import Workspace

ROOT = Path(__file__).parents[2]
WAYS = ("factory", "vllm", "vllm_one_process")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=192, help="prompts a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--way", choices=WAYS, help="measure one way in this process (used by the benchmark itself)")
    arguments = parser.parse_args()
    if arguments.way:
        measured = _factory(arguments.count) if arguments.way == "factory" else _bare(arguments.count)
        print(json.dumps(measured))
        return
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for round_number in range(arguments.rounds):
        for way in WAYS if round_number % 2 == 0 else reversed(WAYS):
            result = _in_process(way, arguments.count)
            rates[way].append(result["tokens"] / result["seconds"])
            rate = rates[way][-1]
            print(f"{way:<17} {result['tokens']:>6} tokens in {result['seconds']:5.1f} s  {rate:6.1f} tokens/s", flush=True)
    median = {way: statistics.median(values) for way, values in rates.items()}
    print(
        json.dumps(
            {
                "factory_tokens_per_s": round(median["factory"], 1),
                "vllm_tokens_per_s": round(median["vllm"], 1),
                "vllm_one_process_tokens_per_s": round(median["vllm_one_process"], 1),
                "ratio": round(median["factory"] / median["vllm"], 3),
                "ratio_one_process": round(median["factory"] / median["vllm_one_process"], 3),
                "prompts": arguments.count,
                "rounds": arguments.rounds,
            }
        )
    )


def _in_process(way: str, count: int) -> dict[str, float]:
    environment = {**os.environ, **ENVIRONMENT, "HF_HUB_OFFLINE": "1"}
    if way == "vllm":
        del environment["VLLM_ENABLE_V1_MULTIPROCESSING"]
    command = [sys.executable, "-m", "tests.bench.generation", "--way", way, "--count", str(count)]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    if child.returncode:
        raise SystemExit(child.stderr[-3000:])
    # vLLM's processes go on talking on standard output when they end.
    measured: dict[str, float] = json.loads([line for line in child.stdout.splitlines() if line.startswith('{"tokens"')][-1])
    return measured


def _context(count: int, folder: Path) -> Context:
    text = (ROOT / "pipelines" / "calculator.yaml").read_text(encoding="utf-8")
    lines = [f"  count: {count}" if line.startswith("  count:") else line for line in text.splitlines()]
    recipe = folder / "bench.yaml"
    recipe.write_text("\n".join(lines).replace(" data/", f" {ROOT}/data/"), encoding="utf-8")
    return Context(load_recipe(recipe), Workspace(folder / "workspace"), Progress())


def _factory(count: int) -> dict[str, float]:
    from factory.generate import generate
    from factory.inference.engine import Engine
    from factory.pipeline import enter_run
    from factory.store.store import Store

    with tempfile.TemporaryDirectory() as name:
        context = _context(count, Path(name))
        recipe = context.loaded.recipe.teacher
        with context.workspace.lock(), Store(context.workspace.store, context.workspace.ledger) as store:
            enter_run(context, store, "bench")
            model = Engine(
                context.teacher.folder,
                max_model_len=recipe.max_model_len,
                concurrency=recipe.concurrency,
                kv_cache_gb=recipe.kv_cache_gb,
                dtype=fast_precision(),
            )
            started = time.monotonic()
            generate(context, store, model)
            seconds = time.monotonic() - started
            (row,) = store.query("SELECT sum(completion_tokens) AS tokens FROM generations")
    return {"tokens": int(row["tokens"]), "seconds": seconds}


def _bare(count: int) -> dict[str, float]:
    from vllm import LLM, SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    with tempfile.TemporaryDirectory() as name:
        context = _context(count, Path(name))
        requests = [planned.request for planned in context.plan]
        recipe = context.loaded.recipe.teacher
    llm = LLM(
        str(context.teacher.folder),
        dtype=fast_precision(),
        max_model_len=recipe.max_model_len,
        max_num_seqs=recipe.concurrency,
        max_num_batched_tokens=max(4096, recipe.max_model_len),
        enable_chunked_prefill=False,
        enforce_eager=True,
        kv_cache_memory_bytes=int(recipe.kv_cache_gb * 2**30),
        structured_outputs_config={"backend": "xgrammar"},
    )
    parameters = [
        SamplingParams(
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
            max_tokens=request.sampling.max_tokens,
            seed=request.seed,
            logprobs=request.sampling.logprobs,
            structured_outputs=StructuredOutputsParams(json=request.schema),
        )
        for request in requests
    ]
    started = time.monotonic()
    outputs = llm.chat([request.messages for request in requests], parameters, use_tqdm=False)  # type: ignore[arg-type]
    seconds = time.monotonic() - started
    return {"tokens": sum(len(output.outputs[0].token_ids) for output in outputs), "seconds": seconds}


if __name__ == "__main__":
    main()
