"""What does a step of distillation cost, in seconds and in memory, beside TRL's own trainers?

python -m bench.kd_step --teacher PATH --student PATH [--steps 6] [--rounds 1] [--dtypes float32 bfloat16]

All parts train the same LoRA (rank 16, all linear layers) on the same rows in the same batches of 4, each
part in a process of its own:

* `sft_plain`, `sft`: TRL's SFTTrainer, started as anyone would, and in the environment that the factory
  starts training in (malloc).
* `gkd_plain`, `gkd`: TRL's GKDTrainer, off-policy, teacher and student in memory, in both environments.
* `topk`, `hidden_cache`: the factory's stage of distillation, from stored logprobs and from a cache of the
  teacher's hidden states, in the factory's environment. The cache is made before, once for all epochs, by a
  process of its own, as in a run (`cache_s`, `cache_peak_bytes`).

A row is a calculator question, its call, the result and the answer, as the student's chat template renders
it; the teacher's top 20 at the call's tokens are worked out first. TRL's trainers get them as they stand, by
TRL's own kind of batch (padded). Seconds are the median over steps after two that warm up; bytes are the most
that the process had resident, loading included. Prints a line a part, then one JSON object: the parts in the
first dtype, the others below their dtype's name, and the ratios that matter.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from factory.system.process import KEEP_MEMORY

ROOT = Path(__file__).parents[1]
PARTS = ("sft_plain", "sft", "gkd_plain", "gkd", "topk", "hidden_cache")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", required=True, type=Path, help="a model folder")
    parser.add_argument("--student", required=True, type=Path, help="a model folder of the same tokenizer")
    parser.add_argument("--steps", type=int, default=6, help="measured steps")
    parser.add_argument(
        "--rounds",
        type=int,
        default=1,
        help="each part this often, in turn; the figure is the median of the rounds",
    )
    parser.add_argument(
        "--dtypes", nargs="+", choices=("float32", "bfloat16"), default=["float32", "bfloat16"]
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = [str(arguments.teacher.resolve()), str(arguments.student.resolve())]
        _part(folder, "rows", "bfloat16", models, arguments.steps)
        result: dict[str, Any] = {}
        for dtype in arguments.dtypes:
            found: dict[str, list[dict[str, float]]] = {part: [] for part in arguments.parts}
            for number in range(arguments.rounds):
                for part in arguments.parts if number % 2 == 0 else reversed(arguments.parts):
                    measured = _part(folder, part, dtype, models, arguments.steps)
                    found[part].append(measured)
                    told = (
                        f"{measured['s_per_step']:7.2f} s/step  {measured['peak_bytes'] / 1e9:6.2f} GB  "
                        f"loss {measured['loss']:.4f}"
                    )
                    print(f"{dtype:<9} {part:<13}{told}", flush=True)
            # Not the loss: each part minimizes another.
            parts = {
                part: {
                    key: statistics.median(one[key] for one in rounds) for key in rounds[0] if key != "loss"
                }
                for part, rounds in found.items()
            }
            report = parts | {"ratios": _ratios(parts)}
            result |= report | {"dtype": dtype} if not result else {dtype: report}
    print(json.dumps(result))


def _ratios(parts: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return how many times faster ours is than the other, and its share of the other's memory and time."""
    ratios = {}
    for ours in ("topk", "hidden_cache"):
        for other in ("gkd_plain", "gkd", "sft_plain", "sft"):
            if ours in parts and other in parts:
                a, b = parts[ours], parts[other]
                ratios[f"{ours}_time_share_of_{other}"] = round(a["s_per_step"] / b["s_per_step"], 3)
                ratios[f"{ours}_times_faster_than_{other}"] = round(b["s_per_step"] / a["s_per_step"], 2)
                ratios[f"{ours}_memory_share_of_{other}"] = round(a["peak_bytes"] / b["peak_bytes"], 3)
    return ratios


def _part(folder: Path, part: str, dtype: str, models: list[str], steps: int) -> dict[str, float]:
    environment = dict(os.environ)
    if not part.endswith("_plain"):
        environment |= KEEP_MEMORY
    command = [sys.executable, "-m", "bench.kd_parts", part, dtype, *models, str(steps), str(folder)]
    child = subprocess.run(
        command, env=environment | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, cwd=ROOT
    )
    if child.returncode:
        raise SystemExit(child.stderr[-3000:])
    measured: dict[str, float] = json.loads(child.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main()
