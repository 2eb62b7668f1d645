"""What lm-evaluation-harness calls: the judge of each task beside this file.

Written by `factory export`; needs nothing but Python.
"""

import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Return the figures of one answer."""
    about, judge = _task(doc["source"])
    verdicts = judge({"text": results[0], "calls": None}, json.loads(doc["expected"]), about)
    return {name: float(verdict) for name, verdict in verdicts.items()}


@cache
def _task(name: str) -> tuple[dict[str, Any], Any]:
    task = json.loads((HERE / "tasks.json").read_text(encoding="utf-8"))["tasks"][name]
    spec = importlib.util.spec_from_file_location(task["judge"], HERE / f"{task['judge']}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return task["about"], module.judge
