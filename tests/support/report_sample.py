"""A report as a finished run would give it, for the tests of whatever reads or draws one. The numbers are
invented."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from factory.report.choice import Trial
from factory.report.comparison import Versus
from factory.report.measured import Measured
from factory.report.metric_rows import metric_rows
from factory.report.model import Report
from factory.report.part import Role
from factory.report.query import Query
from factory.report.run import Loss, Machine, Stage
from factory.report.sample import Reason, Sample, Samples
from factory.report.yields import CheckYield, ReasonCount, Yield

RECIPE = """\
# Teach a small model to answer arithmetic with a calculator.
name: calculator
seed: 7
teacher: {model: smollm2-135m-instruct, logprobs: 20, sampling: {temperature: 0.8, max_tokens: 96}}
data:
  {kind: tool_call, seeds: data/seeds/calculator.jsonl, tools: data/tools/calculator.json, count: 600,
   samples_per_prompt: 2}
checks: [schema, execution, agreement, {dedup: {threshold: 0.8}}, decontamination]
student:
  base: smollm2-135m-instruct
  adapter: {kind: lora, rank: 16}
  stages:
    - sft: {steps: 40}
    - distill: {steps: 20, curriculum: [{until: 0.5, top_k: 3}, {temperature: 2.0}]}
compress: {quantize: w8a8-static}
"""


def measured(role: Role, right: int, same: int, rate: float, n: int = 120, **others: Any) -> Measured:
    """A model that got `right` answers and `same` calls of `n`; what is None in `others` was not measured."""
    values: dict[str, float | None] = {
        "answer_accuracy": right / n,
        "tool_call_accuracy": same / n,
        "parse_rate": min(1.0, round(n * 0.06 + right) / n),
        "tokens_per_s_batch_1": rate / 9,
        "latency_p50_s": 32 * 9 / rate,
        "latency_p95_s": 35 * 9 / rate,
        "perplexity": 1.9 - right / n,
        "tokens_per_s_batch_32": rate,
        "computed_bits": 16,
        "peak_memory_bytes": 1_420_000_000,
        "weight_bytes": 269_060_552,
    }
    values |= {name: others.pop(name) for name in list(others) if name in values}
    rows = metric_rows(
        [
            {"metric": name, "value": value, "low": None, "high": None, "n": n}
            for name, value in values.items()
            if value is not None
        ]
    )
    about: dict[str, Any] = {
        "name": "smollm2-135m-instruct",
        "precision": "bfloat16",
        "prompting": "the bare question, as a user would type it",
    }
    return Measured(role=role, metrics=rows, **(about | others))


def models() -> list[Measured]:
    """Teacher, base, student and compressed student: two of them nearly the same point in speed and memory,
    as real runs give."""
    return [
        measured(
            "teacher", 73, 66, 402.0,
            prompting="the tool's description and six worked examples before the question"
        ),
        measured("base", 3, 1, 405.5),
        measured("student", 106, 97, 401.3, name="calculator-student"),
        measured(
            "student_quantized", 104, 95, 486.0, name="calculator-student-w8a8",
            precision="INT8", peak_memory_bytes=1_190_000_000, weight_bytes=163_200_000,
        ),
    ]  # fmt: skip


def samples() -> Samples:
    """Samples of both fates, in several languages and one right-to-left script."""
    accepted = [
        (
            "en",
            "A baker sells 14 trays of 12 rolls. How many rolls is that?",
            "14 * 12",
            "168",
            "That is 168 rolls.",
        ),
        (
            "de",
            "Ein Zug fährt 3,5 Stunden mit 92 km/h. Wie weit kommt er?",
            "3.5 * 92",
            "322",
            "Er kommt 322 km weit.",
        ),
        ("en", "What is 15 % of 240?", "0.15 * 240", "36", "36"),
        ("fr", "Partage 252 billes entre 7 enfants.", "252 / 7", "36", "Chaque enfant reçoit 36 billes."),
        ("ar", "ما حاصل ضرب 18 في 7؟", "18 * 7", "126", "126"),
        (
            "en",
            "The rent is 840 a month and rises by 5 %. What is it for a year after that?",
            "840 * 1.05 * 12",
            "10584",
            "10,584 a year.",
        ),
    ]
    rejected = [
        ("en", "How much is 19 and 27 together?", "19 * 27", "513", "513", "execution", "wrong_result",
            "reference 46"),
        ("en", "Halve 91, then add 6.", "half(91) + 6", None, None, "schema", "unknown_tool", "half"),
        ("de", "Was ist 7 hoch 3?", "7 ** ", None, None, "execution", "tool_error",
            "the expression ends too early"),
        ("en", "What is 15 percent of 240?", "0.15 * 240", "36", "36", "dedup", "duplicate",
            "0.93 like b2:51c0…"),
    ]  # fmt: skip

    def call(expression: str) -> str:
        return json.dumps({"name": "calculate", "arguments": {"expression": expression}})

    return Samples(
        accepted=[
            Sample(
                sample_id=f"b2:{place:04x}51c0", language=language, question=question, call=call(text),
                result=result, answer=answer,
            )
            for place, (language, question, text, result, answer) in enumerate(accepted)
        ],
        rejected=[
            Sample(
                sample_id=f"b2:{place:04x}9e77", language=language, question=question, call=call(text),
                result=result, answer=answer,
                reasons=[Reason(check=check, reason=reason, detail=detail)],
            )
            for place, (
                language, question, text, result, answer, check, reason, detail
            ) in enumerate(rejected)
        ],
    )  # fmt: skip


def yields() -> Yield:
    """1,200 answers asked for, of which 743 stay; a check sees only what the one before it let through."""

    def check(name: str, passed: int, **refused: int) -> CheckYield:
        reasons = [ReasonCount(reason=reason, count=count) for reason, count in refused.items()]
        return CheckYield(check=name, passed=passed, failed=sum(refused.values()), reasons=reasons)

    return Yield(
        asked=1200, answered=1198, accepted=743, rejected=455,
        by_check=[
            check("schema", 1049, not_json=96, cut_off=31, bad_arguments=17, unknown_tool=5),
            check("execution", 871, wrong_result=164, tool_error=14),
            check("agreement", 829, wrong_result=42),
            check("dedup", 751, duplicate=78),
            check("decontamination", 743, held_out_leak=8),
        ],
    )  # fmt: skip


def losses() -> list[Loss]:
    """Two stages of training that come down and level out."""
    sft = [
        Loss(stage="sft", step=step, value=0.32 + 2.4 * math.exp(-step / 9) + 0.05 * math.sin(step * 1.7))
        for step in range(1, 41)
    ]
    distill = [
        Loss(
            stage="distill", step=step, value=0.11 + 0.45 * math.exp(-step / 6) + 0.02 * math.sin(step * 2.3)
        )
        for step in range(1, 21)
    ]
    return sft + distill


def report(**changed: Any) -> Report:
    """The whole report, with any part changed by its keyword."""
    values: dict[str, Any] = {
        "name": "calculator",
        "created": datetime(2025, 11, 24, 3, 12, 40, tzinfo=UTC),
        "machine": Machine(
            cpu="Example CPU at 2.6 GHz",
            cores=2,
            memory_bytes=16_700_000_000,
            instruction_sets=["avx2", "avx512f", "avx512_vnni"],
        ),
        "versions": {
            "vllm": "0.11.2",
            "torch": "2.9.0+cpu",
            "transformers": "4.57.1",
            "trl": "0.25.1",
            "duckdb": "1.4.2",
        },
        "models": models(),
        "yield_": yields(),
        "losses": losses(),
        "samples": samples(),
        "stages": [
            Stage(name="generate", seconds=171.2, detail="1,198 answers, 71,220 tokens, 402 tokens/s"),
            Stage(name="check", seconds=9.4, detail="1,198 samples, 5 checks"),
            Stage(name="distill", seconds=224.8, detail="sft 40 steps, distill 20 steps"),
            Stage(name="compress", seconds=38.1, detail="w8a8-static"),
            Stage(name="evaluate", seconds=66.0, detail="4 models, 120 tasks each"),
        ],
        "recipe": RECIPE,
        "recipe_path": "pipelines/calculator.yaml",
        "pedigree": {
            "teacher": "smollm2-135m-instruct",
            "teacher revision": "b2:7a1f6c33e0d94b0aa6d2b45f0c1e9d57",
            "template": "b2:0f3d1b7785ce4a20b61e3f0a8dd94c12",
            "seeds": 24,
            "requests": 600,
        },
        "versus": [
            Versus(one="student", other="teacher", shared=120, only_one=41, only_other=8, p=0.0000021),
            Versus(one="student_quantized", other="student", shared=120, only_one=2, only_other=4, p=0.6875),
        ],
        "trials": [
            Trial(
                number=1,
                choice="rank 16, quantize none",
                accuracy=0.88,
                weight_bytes=269_060_552,
                latency_p50_s=0.71,
                fits=False,
                recipe="search/trial-001.yaml",
            ),
            Trial(
                number=2,
                choice="rank 16, quantize w8a8-dynamic",
                accuracy=0.87,
                weight_bytes=163_200_000,
                latency_p50_s=0.58,
                recipe="search/trial-002.yaml",
            ),
            Trial(
                number=3,
                choice="rank 4, quantize w4a16",
                accuracy=0.61,
                weight_bytes=118_300_000,
                latency_p50_s=0.66,
                recipe="search/trial-003.yaml",
            ),
            Trial(
                number=4,
                choice="rank 4, quantize mixed",
                failure="the stage compress was ended by SIGKILL",
                recipe="search/trial-004.yaml",
            ),
        ],
        "queries": [
            Query(
                title="Why samples were refused",
                sql="SELECT check_name, reason, count(*) FROM rejected GROUP BY ALL ORDER BY 3 DESC",
            ),
            Query(
                title="Where the teacher hesitated most",
                sql="SELECT * FROM teacher_uncertainty ORDER BY entropy DESC LIMIT 20",
            ),
        ],
    }
    return Report(**(values | changed))
