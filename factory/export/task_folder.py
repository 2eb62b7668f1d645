"""Folder of held-out tasks that an evaluator of somebody else's reads: lm-evaluation-harness or Inspect.

Promise: complete or absent, as every export; the folder needs nothing of this project to be run, and judges
exactly as the factory does where distill-factory is installed beside the evaluator. Its README says how it is
run, and what it counts otherwise without.
"""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from factory import __version__
from factory.export.held_out import Asked, HeldOut, held_out
from factory.export.target import CARD, LISTING, publish, require_free
from factory.system.progress import Progress
from factory.workspace import Workspace


@dataclass(frozen=True)
class Evaluator:
    """Somebody else's evaluator. `file` is copied as `called`; `columns` are those that only it reads;
    `config` is the text of a task's own file, named `ending`, where it has one; `command` runs a task."""

    title: str
    file: str
    called: str
    command: Callable[[HeldOut], str]
    columns: Callable[[HeldOut, Asked], dict[str, Any]]
    config: Callable[[HeldOut], str] | None = None
    ending: str = ""


def write_tasks(
    workspace: Workspace,
    evaluator: str,
    target: Path,
    recipe: Path | None,
    progress: Progress,
    *,
    force: bool,
) -> list[HeldOut]:
    """Write the held-out tasks of the latest run as a folder; InputError where they cannot be exported."""
    how = EVALUATORS[evaluator]
    require_free(target, force=force)
    sources = held_out(workspace, recipe, progress)
    texts = _texts(how, sources)
    with publish(target, force=force) as staging:
        staging.mkdir()
        for name, text in texts.items():
            (staging / name).write_text(text, encoding="utf-8", newline="\n")
    return sources


def _texts(how: Evaluator, sources: list[HeldOut]) -> dict[str, str]:
    """Return the files of a folder by name, the list of them among them."""
    texts = {CARD: _readme(how, sources), how.called: _source(how.file)}
    for source in sources:
        texts[f"{source.name}.jsonl"] = "".join(_line(how, source, task) for task in source.tasks)
        texts[f"{_judge(source)}.py"] = _source(source.judge)
        if how.config:
            texts[f"{source.name}{how.ending}"] = how.config(source)
    tasks = {
        source.name: {"judge": _judge(source), "max_tokens": source.max_tokens, "about": source.about}
        for source in sources
    }
    listing = {"files": sorted([*texts, LISTING]), "tasks": tasks}
    return texts | {LISTING: json.dumps(listing, ensure_ascii=False, indent=1) + "\n"}


def _line(how: Evaluator, source: HeldOut, task: Asked) -> str:
    # Lists and objects as JSON text: a reader of columns would give each row the fields of all others.
    row = {
        "id": task.name,
        "source": source.name,
        "language": task.language,
        "messages": json.dumps(task.messages, ensure_ascii=False),
        "tools": json.dumps(task.tools, ensure_ascii=False),
        "expected": json.dumps(task.expected, ensure_ascii=False),
        "target": task.written,
    }
    return json.dumps(row | how.columns(source, task), ensure_ascii=True) + "\n"


def _judge(source: HeldOut) -> str:
    return f"judge_{source.plan.kind.name}"


def _source(module: str) -> str:
    """Return the text of a module's file, without importing it: it may need an evaluator."""
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


def _readme(how: Evaluator, sources: list[HeldOut]) -> str:
    lines = [
        f"# Held-out tasks for {how.title}\n",
        f"Exported by distill-factory {__version__}; no student of the recipe has learnt from them. Each is "
        "put as the factory puts it to a student: greedily, the same messages, the same most tokens.\n",
        "Where distill-factory is installed beside the evaluator, answers are read and compared by it, and "
        "count as in its own evaluation. Without it a simpler rule is used, which the first lines of the "
        "judge's file describe.\n",
        "Run in this folder:\n",
        "```",
        *map(how.command, sources),
        "```\n",
        "| task | questions | judged by | figures |",
        "| --- | --- | --- | --- |",
    ]
    for source in sources:
        figures = ", ".join(f"`{name}`" for name in source.judged)
        lines.append(f"| `{source.name}` | {len(source.tasks)} | `{_judge(source)}.py` | {figures} |")
    if any(task.tools for source in sources for task in source.tasks):
        lines.append(
            "\nOf a dialogue with tools the first turn alone is put, and its calls are compared with the "
            "expected ones: `tool_call_accuracy` of the factory's own evaluation where calls are not made in "
            "steps. No call is carried out, so another call with the same result counts as wrong here. An "
            "evaluator that drops special tokens from an answer may drop the marks of a call."
        )
    return "\n".join(lines) + "\n"


def _lm_eval_columns(source: HeldOut, task: Asked) -> dict[str, Any]:
    if source.only_rendered:
        return {"prompt": source.rendered(task)}
    system = [message["content"] for message in task.messages if message["role"] == "system"]
    return {"system": "".join(system), "user": task.messages[-1]["content"]}


def _lm_eval_config(source: HeldOut) -> str:
    read = (
        {"doc_to_text": "prompt"}
        if source.only_rendered
        else {"description": "system", "doc_to_text": "user"}
    )
    config = {
        "task": source.name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": f"{source.name}.jsonl"}},
        "test_split": "test",
        "output_type": "generate_until",
        **read,
        "doc_to_target": "target",
        "target_delimiter": "",
        "num_fewshot": 0,
        "generation_kwargs": {
            "until": [source.turn_end],
            "max_gen_toks": source.max_tokens,
            "do_sample": False,
            "temperature": 0.0,
        },
        "metric_list": [
            {"metric": name, "aggregation": "mean", "higher_is_better": True} for name in source.judged
        ],
        "metadata": {"version": 1.0},
    }
    # The tag is none that plain YAML could write.
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True) + (
        "process_results: !function utils.process_results\n"
    )


def _lm_eval_command(source: HeldOut) -> str:
    template = "" if source.only_rendered else " --apply_chat_template"
    return (
        f"lm_eval --model hf --model_args pretrained=MODEL --include_path . --tasks {source.name}{template}"
    )


def _inspect_command(source: HeldOut) -> str:
    return f"inspect eval task.py --model MODEL -T source={source.name}"


EVALUATORS = {
    "lm-eval": Evaluator(
        "lm-evaluation-harness",
        "factory.export.lm_eval_utils",
        "utils.py",
        _lm_eval_command,
        _lm_eval_columns,
        _lm_eval_config,
        ".yaml",
    ),
    "inspect": Evaluator(
        "Inspect", "factory.export.inspect_task", "task.py", _inspect_command, lambda source, task: {}
    ),
}
