"""Held-out tasks as folders for evaluators of others: put as to a student, judged as by the factory's own
scorer, and by plain Python where the factory is not there."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.context.plan import Plan
from factory.context.run import Run
from factory.errors import InputError
from factory.evaluate.candidate import Candidate, put_tasks, task_of
from factory.evaluate.scorer import question, scorer
from factory.export.task_folder import EVALUATORS, write_tasks
from factory.inference.request import Answer
from factory.pipeline.entry import enter_run
from factory.recipe.load import load_recipe
from factory.system.progress import Progress
from factory.tasks.sample import Task
from factory.workspace import Workspace
from tests.support.command import ROOT, typed
from tests.support.sample_rows import open_store

RECIPES = ("labels", "extract", "rationale", "calculator", "tools", "functions")
STUDENT = Candidate("student", "", "student", Path(), False, "", "")
# What every judge has to take, whoever asks.
HOSTILE = [
    "", " ", "null", "[]", "{}", '{"name": 1}', "<tool_call>", "<tool_call>\n{}\n</tool_call>", "Answer:",
    "<think>hm", "<think>x</think> so", "\x00", "<|im_end|>", "[" * 500, "#### 77777", '"x"', "a" * 30_000,
]  # fmt: skip


def entered(root: Path, recipe: Path) -> Plan:
    """Return the plan of a recipe whose run is in a workspace, typed as people do."""
    plan = Plan(Run(load_recipe(recipe), Workspace(root), Progress()))
    root.mkdir(exist_ok=True)
    with open_store(plan.run.workspace) as store:
        enter_run(plan, store, f"factory run {recipe} -w {root}")
    return plan


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    root = tmp_path_factory.mktemp("runs")
    return {name: entered(root / name, ROOT / "pipelines" / f"{name}.yaml") for name in RECIPES}


def written(plan: Plan, evaluator: str, target: Path, **more: Any) -> list[dict[str, Any]]:
    (source,) = write_tasks(
        plan.run.workspace, evaluator, target, None, Progress(), force=more.get("force", False)
    )
    lines = (target / f"{source.name}.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def tasks(plan: Plan) -> list[Task]:
    return [task_of(seed) for seed in put_tasks(plan)]


def right(row: dict[str, Any]) -> str:
    """Return an answer that is right, as a student writes it."""
    expected = json.loads(row["expected"])
    if row["source"] == "labels":
        return str(expected)
    if row["source"] == "extract":
        return json.dumps(expected)
    if row["source"] == "rationale":
        return f"It follows.\nAnswer: {expected}"
    calls = expected
    if row["source"] == "functions":
        calls = [call for step in json.loads(expected["reference"]) for call in step]
    return "\n".join(f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in calls) or "Hello there."


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("recipe", RECIPES)
def test_each_task_is_put_as_our_own_evaluation_puts_it(
    plans: dict[str, Plan], tmp_path: Path, recipe: str, evaluator: str
) -> None:
    plan = plans[recipe]
    rows = written(plan, evaluator, tmp_path / "out")
    requests = [question(scorer(plan), STUDENT, task, 9) for task in tasks(plan)]
    assert [json.loads(row["messages"]) for row in rows] == [request.messages for request in requests]
    assert [json.loads(row["tools"]) for row in rows] == [request.tools or [] for request in requests]
    assert len({row["id"] for row in rows}) == len(rows)
    if evaluator == "lm-eval":
        template = plan.run.chat_format
        for row, request in zip(rows, requests, strict=True):
            # Read by lm-evaluation-harness: system prompt and question in its chat template, or all of it.
            read = [{"role": "system", "content": row["system"]}] if row.get("system") else []
            read += [{"role": "user", "content": row.get("user")}]
            shown = plan.run.student.show_tools
            text = template.render(request.messages, request.tools, show_tools=shown, generate=True)
            assert text == (row["prompt"] if "prompt" in row else template.render(read, generate=True))
        config = (tmp_path / "out" / f"{recipe}.yaml").read_text().replace("!function ", "")
        settings = yaml.safe_load(config)["generation_kwargs"]
        assert settings["max_gen_toks"] == plan.run.evaluation.max_tokens
        assert settings["until"] == ["<|im_end|>"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_judge_says_what_our_scorer_says(plans: dict[str, Plan], tmp_path: Path, recipe: str) -> None:
    plan = plans[recipe]
    rows = written(plan, "lm-eval", tmp_path / "out")
    judging = loaded(tmp_path / "out" / "utils.py")
    ours = {"answer_accuracy": "right_answer", "parse_rate": "parsed", "tool_call_accuracy": "same_call"}
    asking, turns = scorer(plan), []
    for place, (row, task) in enumerate(zip(rows, tasks(plan), strict=True)):
        other = right(rows[(place + 1) % len(rows)])
        for text in (right(row), other, f" {right(row)}\n", HOSTILE[place % len(HOSTILE)]):
            figures = judging.process_results(row, [text])
            assert set(figures.values()) <= {0.0, 1.0}
            verdict = first_turn(asking, task, text)
            if verdict is not None:
                assert figures == {name: float(verdict[ours[name]]) for name in figures}, (text, row)
                turns.append(text)
        main = next(iter(judging.process_results(row, [right(row)])))
        assert judging.process_results(row, [right(row)])[main] == 1.0
    assert len(turns) > len(rows)


def first_turn(asking: Any, task: Task, text: str) -> dict[str, Any] | None:
    """Return the scorer's verdict on an answer; None where it goes on asking."""
    dialogue = asking.put(STUDENT, task)
    next(dialogue)
    try:
        dialogue.send(Answer("k", text, "stop", 0, 0, 0.0))
    except StopIteration as end:
        # In steps a dialogue that ends at once has made no call.
        verdict: dict[str, Any] = end.value
        return None if verdict["parsed"] != verdict["same_call"] and verdict["call"] == [] else verdict
    return None


def loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("evaluators_utils", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLAIN = """
import json, sys
sys.path.insert(0, ".")
import utils
rows, answers = json.load(sys.stdin)
print(json.dumps([utils.process_results(*each) for each in zip(rows, [[text] for text in answers])]))
"""


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_folder_needs_nothing_but_python(plans: dict[str, Plan], tmp_path: Path, recipe: str) -> None:
    rows = written(plans[recipe], "lm-eval", tmp_path / "out")
    rows = [*rows, *rows[:1], *[rows[0]] * len(HOSTILE)]
    answers = [*map(right, rows[: -len(HOSTILE) - 1]), "Who knows.", *HOSTILE]
    # Without site-packages there is no factory.
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", PLAIN],
        cwd=tmp_path / "out", input=json.dumps([rows, answers]), capture_output=True, text=True, check=True,
    )  # fmt: skip
    figures = [next(iter(each.values())) for each in json.loads(done.stdout)]
    assert figures[: -len(HOSTILE) - 1] == [1.0] * (len(rows) - len(HOSTILE) - 1)
    if right(rows[0]) != "Hello there.":
        assert set(figures[-len(HOSTILE) - 1 :]) == {0.0}


def test_calls_that_a_server_parsed_are_judged_too(plans: dict[str, Plan], tmp_path: Path) -> None:
    rows = written(plans["tools"], "inspect", tmp_path / "out")
    about = json.loads((tmp_path / "out" / "tasks.json").read_text())["tasks"]["tools"]["about"]
    judge = loaded(tmp_path / "out" / "judge_tool_call.py").judge
    expected = next(calls for row in rows if (calls := json.loads(row["expected"])))
    answer = {"text": "", "calls": expected[::-1]}
    assert judge(answer, expected, about) == {"tool_call_accuracy": True, "parse_rate": True}
    assert not judge(answer | {"calls": [*expected, *expected]}, expected, about)["tool_call_accuracy"]


def test_of_several_sources_those_that_can_be_judged_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = entered(tmp_path / "work", ROOT / "pipelines" / "assistant.yaml")
    sources = write_tasks(plan.run.workspace, "inspect", tmp_path / "out", None, Progress(), force=False)
    assert [source.name for source in sources] == ["assistant-calls", "assistant-reasoning"]
    listed = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert list(listed["tasks"]) == ["assistant-calls", "assistant-reasoning"]
    assert set(listed["files"]) == {path.name for path in (tmp_path / "out").iterdir()}
    assert "left out: answers of the kind labelled" in capsys.readouterr().err


def test_a_system_prompt_is_a_column_and_a_conversation_is_read_as_text(plans: dict[str, Plan]) -> None:
    from factory.export.held_out import Asked, HeldOut

    plan = plans["labels"]
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "你好"}]
    longer = [*said, {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Again?"}]
    short, long = (
        HeldOut("chats", plan, "", {}, (), [Asked("a", "en", each, [], "x", "x")]) for each in (said, longer)
    )
    columns = EVALUATORS["lm-eval"].columns
    assert columns(short, short.tasks[0]) == {"system": "Be brief.", "user": "你好"}
    assert columns(long, long.tasks[0]) == {
        "prompt": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n你好<|im_end|>\n"
        "<|im_start|>assistant\nHi.<|im_end|>\n<|im_start|>user\nAgain?<|im_end|>\n<|im_start|>assistant\n"
    }


def test_only_a_folder_of_its_own_is_replaced(plans: dict[str, Plan], tmp_path: Path) -> None:
    target, plan = tmp_path / "out", plans["labels"]
    written(plan, "lm-eval", target)
    (target / "__pycache__").mkdir()
    with pytest.raises(InputError, match="exists already"):
        written(plan, "inspect", target)
    written(plan, "inspect", target, force=True)
    assert {path.name for path in target.iterdir()} == {
        "README.md", "judge_label.py", "labels.jsonl", "task.py", "tasks.json",
    }  # fmt: skip
    (target / "mine.txt").touch()
    with pytest.raises(InputError, match="holds mine.txt"):
        written(plan, "inspect", target, force=True)


def test_the_command_names_the_folder_and_what_it_cannot_do(plans: dict[str, Plan], tmp_path: Path) -> None:
    root = plans["labels"].run.workspace.root
    done = typed("export", "-w", root, "--format", "lm-eval", "-o", tmp_path / "out")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'out'}\n"), done.stderr
    assert "labels: 240 held-out tasks" in done.stderr
    for arguments, why in (
        (["--format", "inspect", "--validation", "0.1"], "for datasets"),
        (["--format", "inspect", "--recipe", ROOT / "pipelines" / "extract.yaml"], "not the recipe of the"),
        (["--format", "jsonl", "--recipe", "x.yaml"], "a dataset needs none"),
    ):
        done = typed("export", "-w", root, "-o", tmp_path / "other", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert why in done.stderr


def test_a_recipe_without_a_student_and_one_that_moved_are_refused(tmp_path: Path) -> None:
    text = (ROOT / "pipelines" / "labels.yaml").read_text().replace("data/label", f"{ROOT}/data/label")
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(text)
    plan = entered(tmp_path / "work", recipe)
    recipe.rename(tmp_path / "moved.yaml")
    with pytest.raises(InputError, match="not where it was"):
        written(plan, "lm-eval", tmp_path / "out")
    again = write_tasks(
        plan.run.workspace, "lm-eval", tmp_path / "out", tmp_path / "moved.yaml", Progress(), force=False
    )
    assert len(again[0].tasks) == 240
    bare = tmp_path / "bare.yaml"
    bare.write_text(text[: text.index("student:")] + text[text.index("evaluate:") :])
    with pytest.raises(InputError, match="no student"):
        written(entered(tmp_path / "other", bare), "lm-eval", tmp_path / "more")
