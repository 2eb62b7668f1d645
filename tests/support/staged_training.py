"""A whole training in stages on tiny models, with a tutor, in a process that may be killed."""

import shutil
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import LlamaConfig, LlamaForCausalLM

from factory.chat_formats.formats import FORMATS
from factory.generate.stage import generate
from factory.models.artifact import verify
from factory.student.checkpoints import Live
from factory.student.train import train
from tests.support.caches import made_here
from tests.support.scripted import HEAD, Model, load, opened, reasoning, write
from tests.support.tiny_formats import tokenizer

torch.set_num_threads(1)

VALIDATION = {"share": 0.4, "every": 3}
STAGES: list[dict[str, Any]] = [
    {"align": {"steps": 3, "batch_size": 4, "teacher": "cache", "save_every": 1}},
    {"sft": {"steps": 3, "batch_size": 4, "lessons": ["rationale"], "validation": VALIDATION}},
    {"distill": {"steps": 3, "batch_size": 4, "teacher_model": "tutor", "save_every": 1}},
]
TUTOR: dict[str, Any] = {
    "base": "tutor", "steps": 3, "batch_size": 4, "save_every": 1, "adapter": {"rank": 2}, "least_gain": 0,
}  # fmt: skip


def _model(folder: Path, seed: int, layers: int, width: int) -> None:
    made = tokenizer(["<|endoftext|>", *FORMATS["hermes"].needed_tokens], "<|im_end|>")
    made.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(made),
        hidden_size=width,
        intermediate_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        initializer_range=0.2,
        eos_token_id=made.eos_token_id,
        pad_token_id=made.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def recipe(folder: Path, stages: list[dict[str, Any]] = STAGES, **student: Any) -> None:
    """Write the recipe, with these stages and further settings of the student."""
    said = yaml.safe_load(HEAD) | {
        "data": {"kind": "rationale", "seeds": "seeds.jsonl", "count": 12},
        "checks": ["schema"],
        "student": {
            "base": "base",
            "adapter": {"rank": 2, "alpha": 4},
            "precision": "float32",
            "tutor": TUTOR,
            "stages": stages,
        }
        | student,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(said))


def prepare(folder: Path) -> Path:
    """Write models, seeds and recipe, and let the data be made."""
    folder.mkdir(exist_ok=True)
    _model(folder / "base", 1, 1, 16)
    _model(folder / "tutor", 2, 2, 24)
    things = [
        "pears",
        "nuts",
        "keys",
        "cups",
        "hats",
        "pens",
        "figs",
        "eggs",
        "maps",
        "bells",
        "coins",
        "rugs",
    ]
    write(
        folder / "seeds.jsonl",
        [
            {
                "id": thing,
                "family": "sum",
                "question": f"There are {place} {thing}, then {place + 7} come. How many are there?",
                "rationale": f"{place} + {place + 7} = {2 * place + 7}.",
                "reference": str(2 * place + 7),
                "expression": f"{place} + {place + 7}",
            }
            for place, thing in enumerate(things, 11)
        ],
    )
    recipe(folder)
    plan = load(folder)
    with opened(plan) as store:
        generate(plan, store, Model(reasoning))
    return folder


def copied(folder: Path, name: str) -> Path:
    """Return a copy of what was prepared."""
    return Path(shutil.copytree(folder, folder.with_name(name)))


def trained(folder: Path) -> str:
    """Train in this process, and return what was said of it."""
    plan = load(folder)
    with opened(plan) as store, made_here():
        train(plan.run, store)
    return plan.run.progress._stream.getvalue()


def curves(folder: Path) -> dict[str, dict[tuple[str, int], float]]:
    """Return what was logged of each model, but for what depends on the clock."""
    return {
        path.parent.name: {
            (entry["metric"], entry["step"]): entry["value"]
            for entry in verify(path.parent).about.get("training_log", [])
            if entry["metric"] != "tokens_per_s"
        }
        for path in (folder / "work" / "models").glob("*/manifest.json")
    }


def main(folder: Path, parent: Connection) -> None:
    """Train to the end. The parent is sent each step: its stage and its number."""

    def told(self: Any, args: Any, state: Any, control: Any, **_: Any) -> None:
        parent.send((self._stage, state.global_step))

    Live.on_step_end = told  # type: ignore[method-assign]
    trained(folder)
    parent.send("done")
