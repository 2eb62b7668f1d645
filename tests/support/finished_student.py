"""A workspace with a finished student: its folder, and a store that knows how it was made. The numbers and
the weights are invented."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from factory.models.artifact import publish
from factory.workspace import Workspace
from tests.support.export_stores import many, store_rows
from tests.support.recipes import write_model
from tests.support.sample_rows import AT, Rows, make_workspace

STUDENT, SMALL, BASE = "student-0123456789", "student-w8a8-static-0123456789", "b2:base"
RECIPE = "name: tiny\nevaluate: {held_out: held_out.jsonl, max_tokens: 56}\n"
STAGES = [
    {"sft": {"steps": 40, "batch_size": 8, "learning_rate": 0.002}},
    {"distill": {"steps": 20, "batch_size": 8, "learning_rate": 0.001, "teacher": "stored"}},
]


def figures(role: str, artifact: str, right: float, **more: Any) -> list[dict[str, Any]]:
    """Return the measurements of a model: accuracy, speed and memory."""
    values = {"answer_accuracy": (right, "share"), "tokens_per_s_batch_32": (410.0, "tokens/s")}
    values["peak_memory_bytes"] = (1_420_000_000.0, "bytes")
    return [
        {
            "evaluation_id": f"b2:e-{role}", "artifact_id": artifact, "role": role, "metric": metric,
            "value": value, "low": right - 0.1 if unit == "share" else None,
            "high": right + 0.1 if unit == "share" else None, "n": 120, "unit": unit, "better": "higher",
        } | more
        for metric, (value, unit) in values.items()
    ]  # fmt: skip


def rows(folder: Path, *, base: str = "smollm2-135m-instruct", revision: str = "gguf-sha256:1") -> Rows:
    """Return the rows of a store in which a student was trained, compressed and measured."""
    samples = many(12, seeds=4)
    found = store_rows(samples, rejected=2, recipe_text=RECIPE)
    found["runs"][0] |= {"machine": {"cpu": "A small one", "cores": 2}}
    about = {"base": base, "base_revision": revision, "adapter": {"kind": "lora", "rank": 16}}
    about |= {"show_tools": False, "precision": "auto"}
    made = [
        ("b2:base", "model", base, str(folder), [], {}),
        ("b2:sft", "adapter", "lora-sft", "models/lora-sft", [BASE], about | {"stage": STAGES[0]}),
        (
            "b2:kd",
            "adapter",
            "lora-kd",
            "models/lora-kd",
            ["b2:sft", "b2:teacher"],
            about | {"stage": STAGES[1]},
        ),
        ("b2:student", "merged", STUDENT, f"models/{STUDENT}", ["b2:kd"], {"adapter": "b2:kd"}),
        ("b2:small", "quantized", SMALL, f"models/{SMALL}", ["b2:student"], {"quantize": "w8a8-static"}),
    ]
    names = ("artifact_id", "kind", "name", "path", "parents", "about")
    found["artifacts"] = [
        dict(zip(names, one, strict=True)) | {"digest": "b2:d", "weight_bytes": 269_060_552} for one in made
    ]
    found["artifact_samples"] = [
        {"artifact_id": artifact, "sample_id": one["sample_id"], "role": "train"}
        for artifact in ("b2:sft", "b2:kd", "b2:student")
        for one in samples[:10]
    ]
    found["evaluations"] = [
        *figures("teacher", "b2:teacher", 0.61),
        *figures("base", BASE, 0.11),
        *figures("student", "b2:student", 0.88),
        *figures("student_quantized", "b2:small", 0.86),
    ]
    return found


def person(sample: str, passed: bool, number: int = 1) -> dict[str, Any]:
    """Return what a person said of a sample."""
    return {
        "sample_id": sample, "check_key": f"person:{number:08}", "check_name": "person", "passed": passed,
        "reason": "ok" if passed else "off_topic", "score": None, "detail": None, "judged_at": AT,
    }  # fmt: skip


def _fill(folder: Path) -> None:
    write_model(folder, "base")


def student_workspace(
    root: Path, found: Rows | None = None, fill: Callable[[Path], Any] = _fill
) -> Workspace:
    """Make a workspace that holds the student and its compressed model; `fill` writes the files of each."""
    base = root.parent / "base"
    workspace = make_workspace(root, found or rows(base))
    for name in (STUDENT, SMALL):
        with publish(workspace.models / name, {}) as staging:
            fill(staging)
    return workspace
