"""One part of `bench.kd_step` in its own process: python -m bench.kd_parts PART DTYPE TEACHER STUDENT STEPS
FOLDER.

The last line of standard output is a JSON object.
"""

import json
import resource
import statistics
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer
from trl.experimental.gkd import GKDConfig, GKDTrainer

from factory.context.plan import Plan
from factory.context.run import Run
from factory.inference.request import Answer
from factory.models.precision import fast_precision
from factory.recipe import load_recipe
from factory.student.batch import Collator
from factory.student.stage_plan import stage_plans
from factory.student.stage_trainers import Setup, make_trainer
from factory.student.train import student_tokenizer
from factory.system.machine import peak_memory
from factory.system.progress import Progress
from factory.tasks.conversation import Conversation, answered
from factory.tasks.rows import RowBuilder, TeacherSpan, TrainingRow
from factory.tasks.tool_call.taskset import ToolCallTaskset
from factory.workspace import Workspace

ROOT = Path(__file__).parents[1]
BATCH, RANK, WARM_UP, K, SEED = 4, 16, 2, 20, 7


def main() -> None:
    part, dtype, teacher, student, steps, folder = sys.argv[1:]
    context = _context(part, dtype, teacher, student, WARM_UP + int(steps), Path(folder))
    rows_file = Path(folder) / "rows.json"
    if part == "rows":
        rows_file.write_text(
            json.dumps([asdict(row) for row in _rows(context, (WARM_UP + int(steps)) * BATCH)])
        )
        print("{}")
        return
    rows = [
        TrainingRow(**row | {"spans": tuple(TeacherSpan(**span) for span in row["spans"])})
        for row in json.loads(rows_file.read_text())
    ]
    started = time.monotonic()
    if part in ("topk", "hidden_cache"):
        trainer = make_trainer(
            Setup(
                context,
                stage_plans(context, rows)[0],
                context.base.folder,
                context.student.adapter,
                None,
                rows,
                student_tokenizer(context),
                folder,
            )
        )
    else:
        trainer = _stock(part, context, rows, getattr(torch, dtype), folder)
    made = time.monotonic() - started
    clock = _Clock()
    trainer.add_callback(clock)
    trainer.train()
    measured = {
        "s_per_step": round(statistics.median(clock.seconds[WARM_UP:]), 3),
        "peak_bytes": peak_memory(),
        "loss": clock.losses[-1],
    }
    if part == "hidden_cache":
        # The teacher's own process, which was gone before the first step.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        measured |= {"cache_s": round(made, 1), "cache_peak_bytes": peak}
    print(json.dumps(measured))


def _context(part: str, dtype: str, teacher: str, student: str, steps: int, folder: Path) -> Run:
    origin = {"topk": "stored", "hidden_cache": "cache"}.get(part, "stored")
    recipe = folder / f"{part}-{dtype}.json"
    stage = {"teacher": origin, "steps": steps, "batch_size": BATCH, "save_every": steps + 1}
    said = {
        "name": "kd-step",
        "seed": SEED,
        "teacher": {"model": teacher, "logprobs": K},
        "data": {
            "kind": "tool_call",
            "seeds": str(ROOT / "data/seeds/calculator.jsonl"),
            "tools": str(ROOT / "data/tools/calculator.json"),
            "count": steps * BATCH,
        },
        # No temperature, no phase, no alignment: what TRL's trainer does not have either.
        "student": {
            "base": student,
            "adapter": {"rank": RANK},
            "precision": dtype,
            "stages": [{"distill": stage}],
        },
    }
    recipe.write_text(json.dumps(said))
    return Run(load_recipe(recipe), Workspace(folder / f"workspace-{part}-{dtype}"), Progress())


def _rows(context: Run, count: int) -> list[TrainingRow]:
    """Return rows of right calls, with the teacher's own top k at their tokens."""
    plan = Plan(context)
    tokenizer, calls = student_tokenizer(context), plan.taskset
    assert isinstance(calls, ToolCallTaskset)
    teacher_tokenizer = AutoTokenizer.from_pretrained(context.teacher.folder)
    model = AutoModelForCausalLM.from_pretrained(
        context.teacher.folder, dtype=getattr(torch, fast_precision())
    ).eval()
    tools = [tool.model_dump() for tool in plan.tools]
    vocabulary = context.base.facts().vocab_size
    builder = RowBuilder(context.chat_format, tokenizer, teacher_tokenizer, True, vocabulary)
    made: list[TrainingRow] = []
    for task in calls.propose(count):
        text = json.dumps(calls.reference_call(task.reference), ensure_ascii=False)
        asked, ids = calls.ask(task), teacher_tokenizer.encode(text, add_special_tokens=False)
        prompt = teacher_tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
        prompt_ids = teacher_tokenizer.encode(prompt, add_special_tokens=False)
        with torch.no_grad():
            logits = (
                model(torch.tensor([prompt_ids + ids]), logits_to_keep=len(ids) + 1).logits[0, :-1].float()
            )
        logprobs = logits.log_softmax(1)
        top = logprobs.topk(K)
        sample = calls.read(task, Answer("b2:k", text, "stop", len(prompt_ids), len(ids), 0.0))
        stored = {
            "sample_id": f"b2:{len(made)}",
            "seed_id": task.seed_id,
            "answer": sample.answer,
            "text": text,
            "token_ids": ids,
            "token_logprobs": logprobs[torch.arange(len(ids)), torch.tensor(ids)].tolist(),
            "topk_ids": top.indices.tolist(),
            "topk_logprobs": top.values.tolist(),
        }
        messages = sample.messages or []
        conversation = Conversation(messages, tools, answered(messages, [], "b2:k"))
        answers = {"b2:k": stored | {"messages": json.dumps(asked)}}
        (row,) = builder.rows(plan.kind, plan.data, stored, conversation, answers)
        assert not row.fault, row.fault
        made.append(row)
    return made


def _stock(part: str, context: Run, rows: list[TrainingRow], dtype: torch.dtype, folder: str) -> Any:
    """Return TRL's own trainer as it comes, on the same tokens."""
    tokenizer = student_tokenizer(context)
    arguments: dict[str, Any] = {
        "output_dir": folder,
        "max_steps": len(rows) // BATCH,
        "per_device_train_batch_size": BATCH,
        "learning_rate": 2e-4,
        "logging_steps": 1,
        "save_strategy": "no",
        "seed": SEED,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        # Neither autocast nor recomputing, which would make TRL slower here.
        "bf16": False,
        "gradient_checkpointing": False,
        "remove_unused_columns": False,
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
    }
    shared: dict[str, Any] = {
        "model": AutoModelForCausalLM.from_pretrained(context.base.folder, dtype=dtype),
        "train_dataset": Dataset.from_list(
            [{"input_ids": row.input_ids, "labels": row.labels} for row in rows]
        ),
        "data_collator": Collator(tokenizer.pad_token_id),
        "processing_class": tokenizer,
        "peft_config": LoraConfig(
            r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
    }
    if part.startswith("sft"):
        return SFTTrainer(args=SFTConfig(**arguments), **shared)
    teacher = AutoModelForCausalLM.from_pretrained(context.teacher.folder, dtype=dtype)
    return GKDTrainer(teacher_model=teacher, args=GKDConfig(lmbda=0.0, beta=0.0, **arguments), **shared)


class _Clock(TrainerCallback):
    """The seconds of each step, forward to update, and the losses."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.losses: list[float] = []
        self._started = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._started = time.monotonic()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds.append(time.monotonic() - self._started)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if logs and "loss" in logs:
            self.losses.append(logs["loss"])


if __name__ == "__main__":
    main()
