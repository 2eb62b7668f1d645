"""Recipes whose ids are frozen: what ships in pipelines/, and every setting that an id depends on, one at a
time."""

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "data"
SAMPLES = [f"b2:{number:032x}" for number in range(1, 41)]
TOOL = "def double(number):\n    return str(2 * int(number))\n"
TOOL_SPEC = {
    "type": "function",
    "function": {
        "name": "double",
        "description": "Doubles a number.",
        "parameters": {
            "type": "object",
            "properties": {"number": {"type": "string"}},
            "required": ["number"],
            "additionalProperties": False,
        },
    },
}
TOOL_SEEDS = [
    {"id": f"s{number}", "family": "twice", "question": f"What is twice {number}?", "reference": str(number)}
    for number in range(11, 17)
]
TEXTS_OF: dict[str, list[dict[str, Any]]] = {
    "mails.jsonl": [
        {"id": "m1", "text": "I was charged twice.", "label": "billing"},
        {"id": "m2", "text": "My card is lost.", "label": "card"},
        {"id": "m3", "language": "zh", "text": "我的卡丢了。", "label": "card"},
    ],
    "held_out_mails.jsonl": [{"id": "h1", "text": "Why is there a fee?", "label": "billing"}],
    "notes.jsonl": [
        {"id": "n1", "text": "Meet in Ulm at 5.", "fields": {"place": "Ulm", "hour": 5}},
        {"id": "n2", "text": "See you in Kiel.", "fields": {"place": "Kiel"}},
    ],
    "held_out_notes.jsonl": [{"id": "h1", "text": "Lunch is in Graz.", "fields": {"place": "Graz"}}],
}
NOTE = {
    "type": "object",
    "properties": {"place": {"type": "string"}, "hour": {"type": "integer"}},
    "required": ["place"],
}
# What the teacher answers, turn by turn.
TEXTS = [
    '{"name": "calculator", "arguments": {"expression": "1 + 2"}}',
    "So there are 3. The answer is 3.",
    "Score: 4",
    "4",
]
TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"

Recipe = dict[str, Any]


def _calls(name: str, file: str, **more: Any) -> Recipe:
    return {
        "name": name,
        "seed": 7,
        "teacher": {
            "model": "teacher",
            "logprobs": 20,
            "sampling": {"temperature": 0.5, "max_tokens": 64},
        },
        "data": {
            "kind": "tool_call",
            "seeds": f"data/seeds/{file}.jsonl",
            "tools": f"data/tools/{'tools' if file == 'tools' else 'calculator'}.json",
            "count": 540,
            "examples": 3,
            "budget": {"requests": 1000},
        },
        "checks": ["schema", "execution", "finish_reason", "dedup", "decontamination"],
        "evaluate": {"held_out": f"data/held_out/{file}.jsonl", "max_tokens": 56},
    } | more


SFT = {"sft": {"steps": 100, "batch_size": 8, "learning_rate": 0.002}}
DISTILL = {"distill": {"steps": 8, "batch_size": 8}}
LORA = {"kind": "lora", "rank": 16}


def _student(*stages: Recipe, **more: Any) -> Recipe:
    return {"student": {"base": "base", "adapter": LORA, "stages": list(stages or (SFT, DISTILL))} | more}


CALCULATOR = _calls(
    "calculator",
    "calculator",
    **_student(),
    compress={"quantize": "w8a8-static", "calibration_samples": 32},
)
QWEN = _calls(
    "calculator-qwen",
    "arithmetic",
    **_student(
        {"sft": {"steps": 140, "batch_size": 8, "learning_rate": 0.0005}},
        {
            "distill": {
                "steps": 120,
                "batch_size": 8,
                "learning_rate": 0.0003,
                "teacher": "cache",
                "weight": 0.5,
                "curriculum": [{"until": 0.4, "top_k": 3}, {"temperature": {"start": 1.0, "end": 2.0}}],
                "hidden": {"depths": [0.333]},
            }
        },
        prune={"layers": 0.2},
    ),
    compress={"vocabulary": 40000, "quantize": "w8a8-dynamic"},
)
INSTRUCTION: Recipe = {
    "name": "instruction",
    "seed": 7,
    "teacher": {
        "model": "teacher",
        "logprobs": 20,
        "sampling": {"temperature": 0.8, "top_p": 0.95, "max_tokens": 192},
    },
    "data": {
        "kind": "instruction",
        "seeds": "data/seeds/instructions.jsonl",
        "count": 60,
        "examples": 6,
        "budget": {"requests": 900},
    },
    "checks": [
        "schema",
        "finish_reason",
        "degenerate",
        {"length": {"min_words": 2, "max_words": 300}},
        {"dedup": {"threshold": 0.7}},
        "decontamination",
    ],
    "evaluate": {"held_out": "data/held_out/instructions.jsonl"},
}
RATIONALE: Recipe = {
    "name": "rationale",
    "seed": 7,
    "teacher": {
        "model": "teacher",
        "logprobs": 20,
        "sampling": {"temperature": 0.7, "max_tokens": 128},
    },
    "data": {
        "kind": "rationale",
        "seeds": "data/seeds/reasoning.jsonl",
        "count": 15,
        "draws": 3,
        "examples": 3,
        "keep": "shortest",
        "budget": {"requests": 1200},
    },
    "checks": [
        "schema",
        "finish_reason",
        {"agreement": {"margin": 0.3}},
        "degenerate",
        "dedup",
        "decontamination",
    ],
    "evaluate": {"held_out": "data/held_out/reasoning.jsonl"},
}
TOOLS = _calls(
    "tools",
    "tools",
    checks=["schema", "execution", "finish_reason", "degenerate", "dedup", "decontamination"],
)

LABEL: Recipe = {
    "name": "label",
    "seed": 7,
    "teacher": {"model": "teacher", "sampling": {"temperature": 0.7, "max_tokens": 16}},
    "data": {"kind": "label", "seeds": "mails.jsonl", "labels": ["billing", "card"], "count": 4},
    "evaluate": {"held_out": "held_out_mails.jsonl"},
    **_student(),
}
EXTRACT: Recipe = {
    "name": "extract",
    "seed": 7,
    "teacher": {"model": "teacher", "sampling": {"temperature": 0.7, "max_tokens": 64}},
    "data": {"kind": "extract", "seeds": "notes.jsonl", "schema": "note.json", "count": 4},
    "evaluate": {"held_out": "held_out_notes.jsonl"},
    **_student(),
}

REPAIR = {"most_lost": 0.02, "repair": {"steps": 40, "batch_size": 4, "learning_rate": 0.001, "rank": 8}}


def _merged(recipe: Recipe, change: Recipe) -> Recipe:
    merged = dict(recipe)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return {key: value for key, value in merged.items() if value is not None}


def _both(*changes: tuple[str, Recipe]) -> dict[str, Recipe]:
    return {name: _merged(CALCULATOR, change) for name, change in changes}


RECIPES: dict[str, Recipe] = {
    "calculator": CALCULATOR,
    "calculator-qwen": QWEN,
    "instruction": INSTRUCTION,
    "rationale": RATIONALE,
    "tools": TOOLS,
    **_both(
        ("draws", {"data": {"draws": 3}, "checks": [*CALCULATOR["checks"], "agreement"]}),
        ("default-checks", {"checks": None}),
        (
            "dedup-threshold",
            {"checks": [*CALCULATOR["checks"][:3], {"dedup": {"threshold": 0.8}}, "decontamination"]},
        ),
        ("judge", {"checks": [*CALCULATOR["checks"], {"judge": {"min_score": 3.5}}]}),
        (
            "length",
            {"checks": [*CALCULATOR["checks"], {"length": {"min_words": 2, "max_words": 40}}, "degenerate"]},
        ),
        (
            "own-tools",
            {
                "data": {
                    "seeds": "twice.jsonl",
                    "tools": "twice.json",
                    "own_tools": {"python": "twice.py", "seconds": 4.0},
                },
                "evaluate": {"held_out": "held_out.jsonl"},
            },
        ),
        (
            "endpoints",
            {
                "teacher": {
                    "model": "org/served",
                    "endpoints": ["http://127.0.0.1:9/v1"],
                    "revision": "0123456789" * 4,
                    "logprobs": 5,
                    "max_model_len": 8192,
                },
                "student": {"stages": [SFT]},
            },
        ),
        (
            "endpoints-unpinned",
            {
                "teacher": {"model": "org/served", "endpoints": ["http://127.0.0.1:9/v1"]},
                "student": {"stages": [{"distill": {"steps": 9, "teacher": "stored"}}]},
            },
        ),
        ("long", {"teacher": {"max_model_len": 4096}}),
        ("budget-of-tokens", {"data": {"budget": {"requests": None, "tokens": 9000}}}),
        ("evaluation", {"evaluate": {"max_tokens": 64, "bootstrap": 500, "repeats": 5}}),
        ("sft-alone", {"student": {"stages": [SFT]}}),
        ("distill-alone", {"student": {"stages": [DISTILL]}}),
        ("distill-first", {"student": {"stages": [DISTILL, SFT]}}),
        (
            "rank",
            {
                "student": {
                    "adapter": {"rank": 32, "alpha": 16, "dropout": 0.05, "rslora": True, "dora": True}
                }
            },
        ),
        ("named", {"student": {"adapter": {"name": "sums"}}, "compress": REPAIR}),
        (
            "prompt-tuning",
            {"student": {"adapter": {"kind": "prompt_tuning", "rank": None, "tokens": 8, "init": "Sum up."}}},
        ),
        ("full", {"student": {"adapter": {"kind": "full", "rank": None}}}),
        ("full-named", {"student": {"adapter": {"kind": "full", "rank": None, "name": "all"}}}),
        (
            "student-prune",
            {"student": {"prune": {"layers": 0.2, "heads": 0.25, "mlp": 0.1, "width": 0.1, "samples": 16}}},
        ),
        ("show-tools", {"student": {"show_tools": True, "precision": "float32"}}),
        (
            "watch",
            {
                "student": {
                    "stages": [
                        {"sft": SFT["sft"] | {"watch": {"share": 0.2, "every": 10, "patience": 3}}},
                        {"distill": DISTILL["distill"] | {"steps": 40, "watch": {}, "save_every": 5}},
                    ]
                }
            },
        ),
        (
            "training",
            {
                "student": {
                    "stages": [
                        {
                            "sft": SFT["sft"]
                            | {
                                "warmup": 0.2,
                                "call_weight": 2.0,
                                "group_by_length": True,
                                "gradient_checkpointing": True,
                            }
                        }
                    ]
                }
            },
        ),
        (
            "distill-cache",
            {
                "student": {
                    "stages": [
                        {
                            "distill": {
                                "steps": 60,
                                "teacher": "cache",
                                "cache_gb": 2.0,
                                "beta": 0.5,
                                "temperature": {"start": 2.0, "peak": 3.0, "end": 1.0, "warmup": 0.2},
                                "hidden": {"layers": [[3, 6], [9, 9]], "loss": "mse", "weight": 0.2},
                                "weight": {"start": 0.2, "end": 0.8},
                            }
                        }
                    ]
                }
            },
        ),
        (
            "distill-curriculum",
            {
                "student": {
                    "stages": [
                        {
                            "distill": {
                                "steps": 60,
                                "teacher": "cache",
                                "curriculum": [
                                    {"until": 0.3, "top_k": {"start": 5, "end": 20}},
                                    {"until": 0.6, "random_k": 50, "weight": {"start": 0.2, "end": 0.8}},
                                    {"temperature": 1.5},
                                ],
                            }
                        }
                    ]
                }
            },
        ),
        (
            "distill-stored",
            {
                "student": {
                    "stages": [
                        {"distill": {"steps": 9, "teacher": "stored", "top_k": 8, "tail": "renormalize"}}
                    ]
                }
            },
        ),
        ("distill-on-policy", {"student": {"stages": [{"distill": {"steps": 9, "on_policy": 0.25}}]}}),
        ("no-compress", {"compress": None}),
        ("vocabulary", {"compress": {"quantize": None, "calibration_samples": None, "vocabulary": 2000}}),
        ("w8a8-dynamic", {"compress": {"quantize": "w8a8-dynamic", "calibration_samples": None}}),
        ("w4a16", {"compress": {"quantize": "w4a16", "group_size": 64}}),
        ("mixed-bits", {"compress": {"quantize": "mixed", "bits": 5.0}}),
        ("mixed-kl", {"compress": {"quantize": "mixed", "most_kl": 0.1}}),
        ("fp8", {"compress": {"quantize": "fp8", "calibration_samples": None}}),
        ("compress-prune", {"compress": {"prune": {"layers": 0.1, "mlp": 0.25, "samples": 32}}}),
        (
            "sparsity",
            {"compress": {"sparsity": {"pattern": "unstructured", "share": 0.4, "method": "wanda"}}},
        ),
        ("gate", {"compress": {"most_lost": 0.03}}),
        ("repair", {"compress": REPAIR}),
        (
            "search",
            {
                "search": {
                    "trials": 6,
                    "rank": [8, 16],
                    "layers": [0.0, 0.1],
                    "quantize": ["none", "w8a8-dynamic"],
                    "vocabulary": [0, 4000],
                    "most_bytes": 90_000_000,
                }
            },
        ),
        ("own-student-template", {"name": "own-student-template"}),
        ("own-teacher-template", {"name": "own-teacher-template"}),
    ),
    "rationale-student": _merged(RATIONALE, _student() | {"compress": {"quantize": "w8a8-static"}}),
    "rationale-weight": _merged(
        RATIONALE,
        _student() | {"data": {"rationale_weight": 0.5, "keep": "diverse", "most": 2, "examples": 2}},
    ),
    "rationale-judge": _merged(RATIONALE, {"checks": [*RATIONALE["checks"], "judge"]}),
    "rationale-default-checks": _merged(RATIONALE, {"checks": None}),
    "instruction-evolve": _merged(INSTRUCTION, {"data": {"evolve": 2}}),
    "instruction-judge": _merged(INSTRUCTION, {"checks": [*INSTRUCTION["checks"], "judge"]}),
    "instruction-default-checks": _merged(INSTRUCTION, {"checks": None, "evaluate": None}),
    "several-tools": _merged(TOOLS, _student(show_tools=True)),
    "label": LABEL,
    "label-meanings": _merged(
        LABEL,
        {"data": {"labels": {"card": "about a card", "billing": ""}, "task": "Which desk?", "examples": 1}},
    ),
    "extract": EXTRACT,
    "extract-vote": _merged(
        EXTRACT, {"data": {"draws": 3, "task": "What is planned?"}, "student": None, "evaluate": None}
    ),
}


def write_project(folder: Path, name: str) -> Path:
    """Write what the recipe of that name needs into a folder: small models, data, templates. Return the path
    of the recipe."""
    for model in ("teacher", "base"):
        write_model(folder / model, model)
    (folder / "data").symlink_to(DATA)
    (folder / "twice.py").write_text(TOOL)
    (folder / "twice.json").write_text(json.dumps([TOOL_SPEC]))
    lines = "".join(f"{json.dumps(seed)}\n" for seed in TOOL_SEEDS)
    (folder / "twice.jsonl").write_text(lines)
    (folder / "held_out.jsonl").write_text(lines.replace('"s', '"h').replace("twice 1", "twice 2"))
    for file, rows in TEXTS_OF.items():
        (folder / file).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "note.json").write_text(json.dumps(NOTE))
    own = {"own-student-template": "hermes_chat.jinja", "own-teacher-template": "tool_call_system.j2"}
    (folder / "work" / "prompts").mkdir(parents=True)
    if name in own:
        (folder / "work" / "prompts" / own[name]).write_text(
            TEMPLATE if "student" in name else "Call a tool.\n"
        )
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(RECIPES[name]))
    return path


def write_model(folder: Path, name: str) -> None:
    """Write a folder that looks like a model; its weights are four bytes."""
    folder.mkdir(exist_ok=True)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "num_hidden_layers": 10,
        "hidden_size": 64,
        "vocab_size": 3,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "name": name,
    }
    (folder / "config.json").write_text(json.dumps(config))
    header = json.dumps({"w": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + name[:4].encode())
    vocabulary = {"<unk>": 0, "1": 1, "2": 2}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"}
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "model": model}))
