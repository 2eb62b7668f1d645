"""How fast is the factory's generation, all of it, beside a bare `vllm.LLM.chat` over the same prompts and
parameters?

python -m bench.generation [--kind tool_call|tools|rationale|instruction] [--count 192] [--rounds 2]

Three ways, each in a fresh process, in turn, round after round: the factory (engine loop, logprobs, samples,
checks, store), `LLM.chat` as anyone would start it, and `LLM.chat` with vLLM's multiprocessing off. All get
the same model, dtype, messages, JSON Schemas, temperature, seeds, logprobs, eager mode, cache size and
concurrency. The two bare ways are handed all requests at once that the factory made in the first round, those
included that followed from earlier answers. The clock runs from the first request to the last answer stored
or returned; starting the engine is left out on every side. Prints a table, then one JSON object.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from factory.context.plan import Plan
from factory.context.run import Run
from factory.inference.environment import ENVIRONMENT
from factory.inference.request import Answer, Model, Request
from factory.models.precision import running_precision
from factory.recipe import load_recipe
from factory.system.progress import Progress
from factory.workspace import Workspace

ROOT = Path(__file__).parents[1]
WAYS = ("factory", "vllm", "vllm_one_process")
RECIPES = {
    "tool_call": "calculator",
    "tools": "tools",
    "rationale": "rationale",
    "instruction": "instruction",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=RECIPES, default="tool_call")
    parser.add_argument("--count", type=int, default=192, help="requests a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--way", choices=WAYS, help="measure one way in this process (used by the benchmark itself)"
    )
    parser.add_argument(
        "--asked", type=Path, help="where the requests are written and read (used by the benchmark itself)"
    )
    arguments = parser.parse_args()
    if arguments.way:
        measure = _factory if arguments.way == "factory" else _bare
        print(json.dumps(measure(arguments.kind, arguments.count, arguments.asked)))
        return
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        for round_number in range(arguments.rounds):
            for way in WAYS if round_number % 2 == 0 else reversed(WAYS):
                result = _in_process(way, arguments.kind, arguments.count, Path(folder) / "asked.json")
                rates[way].append(result["tokens"] / result["seconds"])
                rate = rates[way][-1]
                print(
                    (
                        f"{way:<17} {result['tokens']:>6} tokens in {result['seconds']:5.1f} s  "
                        f"{rate:6.1f} tokens/s"
                    ),
                    flush=True,
                )
    median = {way: statistics.median(values) for way, values in rates.items()}
    print(
        json.dumps(
            {
                "factory_tokens_per_s": round(median["factory"], 1),
                "vllm_tokens_per_s": round(median["vllm"], 1),
                "vllm_one_process_tokens_per_s": round(median["vllm_one_process"], 1),
                "ratio": round(median["factory"] / median["vllm"], 3),
                "ratio_one_process": round(median["factory"] / median["vllm_one_process"], 3),
                "kind": arguments.kind,
                "prompts": arguments.count,
                "rounds": arguments.rounds,
            }
        )
    )


def _in_process(way: str, kind: str, count: int, asked: Path) -> dict[str, float]:
    environment = {**os.environ, **ENVIRONMENT, "HF_HUB_OFFLINE": "1"}
    if way == "vllm":
        del environment["VLLM_ENABLE_V1_MULTIPROCESSING"]
    command = [
        sys.executable,
        "-m",
        "bench.generation",
        "--way",
        way,
        "--kind",
        kind,
        "--count",
        str(count),
        "--asked",
        str(asked),
    ]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    if child.returncode:
        raise SystemExit(child.stderr[-3000:])
    # vLLM's processes go on talking on standard output when they end.
    measured: dict[str, float] = json.loads(
        [line for line in child.stdout.splitlines() if line.startswith('{"tokens"')][-1]
    )
    return measured


def _context(kind: str, count: int, folder: Path) -> Plan:
    text = (ROOT / "pipelines" / f"{RECIPES[kind]}.yaml").read_text(encoding="utf-8")
    # The budget ends the run, whatever is accepted.
    text = re.sub(r"^  budget:.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(
        r"^  count: .*$", f"  count: 100000\n  budget: {{requests: {count}}}", text, flags=re.MULTILINE
    )
    recipe = folder / "bench.yaml"
    recipe.write_text(text.replace(" data/", f" {ROOT}/data/"), encoding="utf-8")
    return Plan(Run(load_recipe(recipe), Workspace(folder / "workspace"), Progress()))


def _factory(kind: str, count: int, asked: Path) -> dict[str, float]:
    from factory.generate.stage import generate
    from factory.inference.engine import Engine
    from factory.pipeline.entry import enter_run
    from factory.store.store import Store

    with tempfile.TemporaryDirectory() as name:
        context = _context(kind, count, Path(name))
        recipe = context.run.loaded.recipe.teacher
        with (
            context.run.workspace.lock(),
            Store(context.run.workspace.store, context.run.workspace.ledger) as store,
        ):
            enter_run(context, store, "bench")
            model = Engine(
                context.run.teacher.folder,
                max_model_len=recipe.max_model_len,
                concurrency=recipe.concurrency,
                kv_cache_gb=recipe.kv_cache_gb,
            )
            recorder = _Recorder(model)
            started = time.monotonic()
            generate(context, store, lambda: recorder)
            seconds = time.monotonic() - started
            (row,) = store.query("SELECT sum(completion_tokens) AS tokens FROM generations")
    asked.write_text(
        json.dumps([[one.messages, one.schema, one.seed] for one in recorder.asked]), encoding="utf-8"
    )
    return {"tokens": int(row["tokens"]), "seconds": seconds}


class _Recorder:
    """A model that remembers what it was asked."""

    def __init__(self, model: Model):
        self._model = model
        self.asked: list[Request] = []

    def answer(self, requests: Iterable[Request | None]) -> Iterator[Answer]:
        return self._model.answer(self._noted(request) for request in requests)

    def _noted(self, request: Request | None) -> Request | None:
        if request is not None:
            self.asked.append(request)
        return request


def _bare(kind: str, count: int, asked: Path) -> dict[str, float]:
    from vllm import LLM, SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    with tempfile.TemporaryDirectory() as name:
        context = _context(kind, count, Path(name))
        recipe = context.run.loaded.recipe.teacher
        folder = context.run.teacher.folder
    requests = json.loads(asked.read_text(encoding="utf-8"))
    llm = LLM(
        str(folder),
        dtype=running_precision(folder),
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
            temperature=recipe.sampling.temperature,
            top_p=recipe.sampling.top_p,
            max_tokens=recipe.sampling.max_tokens,
            seed=seed,
            logprobs=recipe.logprobs,
            structured_outputs=StructuredOutputsParams(json=schema) if schema else None,
        )
        for _, schema, seed in requests
    ]
    started = time.monotonic()
    outputs = llm.chat([messages for messages, _, _ in requests], parameters, use_tqdm=False)
    seconds = time.monotonic() - started
    return {"tokens": sum(len(output.outputs[0].token_ids) for output in outputs), "seconds": seconds}


if __name__ == "__main__":
    main()
