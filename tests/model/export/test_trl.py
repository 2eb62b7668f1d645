"""The installed TRL prepares an exported folder as it is: its own preparation, the bundled model's tokenizer,
real chat templates."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

pytest.importorskip("torch")

from datasets import load_from_disk
from transformers import PreTrainedTokenizerBase
from trl import SFTConfig, SFTTrainer

from factory.chat_formats.hermes import Hermes
from tests.support.bundled import bundled_tokenizer
from tests.support.export_stores import (
    call_messages,
    export_to,
    instruction_sample,
    make_store,
    many,
    rationale_sample,
    sample,
)

TEMPLATES = {
    "ours": Hermes().chat_template(show_tools=True),
    **{
        name: files("trl").joinpath(f"chat_templates/{name}.jinja").read_text()
        for name in ("qwen2_5", "llama3_1")
    },
}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return bundled_tokenizer()


def prepared(tokenizer: PreTrainedTokenizerBase, folder: Path, split: str = "train") -> list[dict]:
    """Return the token rows that SFTTrainer trains on: its constructor needs a model, the preparation does
    not."""
    trainer = SFTTrainer.__new__(SFTTrainer)
    trainer._tokenizer, trainer.chat_template, trainer.completion_only_loss = tokenizer, None, True
    arguments = SFTConfig(
        output_dir=str(folder.parent / "trl"), bf16=False, use_cpu=True, max_length=None, report_to=[]
    )
    arguments.shuffle_dataset = False
    return list(
        trainer._prepare_dataset(load_from_disk(str(folder))[split], tokenizer, arguments, False, None, split)
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_conversations_with_tools(tmp_path: Path, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    tokenizer.chat_template = TEMPLATES[name]
    rows = [
        *many(40, seeds=10),
        sample(50, "b2:seed1", messages=call_messages("Add.", {"values": [1.938, 0.1], "名": "值"}, "2.038")),
    ]
    export_to(make_store(tmp_path / "w", rows), tmp_path / "out", "hf", validation=0.3)
    trained = [*prepared(tokenizer, tmp_path / "out"), *prepared(tokenizer, tmp_path / "out", "validation")]
    assert len(trained) == 41
    for row in trained:
        # The same text as from the store's messages, arguments as objects, without a detour.
        messages = json.loads(
            json.dumps(next(one["messages"] for one in rows if one["sample_id"] == row["sample_id"]))
        )
        function = messages[1]["tool_calls"][0]["function"]
        function["arguments"] = json.loads(function["arguments"])
        expected = tokenizer.apply_chat_template(messages, tools=json.loads(row["tools"]), tokenize=False)
        assert tokenizer.decode(row["input_ids"]).removeprefix(tokenizer.bos_token) == expected.removeprefix(
            tokenizer.bos_token
        )
        assert row["labels"] == row["input_ids"]
        assert "calculator" in expected and "null" not in expected and '\\"' not in expected


SAID = {
    "tool_call": (
        sample,
        [
            (
                "How much is 7 times 12?",
                '<tool_call>\n{"name": "calculator", "arguments": {"expression": "7 * 12"}}',
            )
        ],
    ),
    "instruction": (instruction_sample, [("Name a colour of this.\n\nJar 7 of plums", "Blue.<|im_end|>")]),
    "rationale": (
        rationale_sample,
        [
            ("[label] Ann has 7 jars of 12 plums. How many plums?", "84<|im_end|>"),
            (
                "[rationale] Ann has 7 jars of 12 plums. How many plums?",
                "7 times 12 is 84.\nAnswer: 84<|im_end|>",
            ),
        ],
    ),
}


@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("shape", ["messages", "prompt-completion"])
def test_each_kind_goes_through_in_both_shapes(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, kind: str, shape: str
) -> None:
    tokenizer.chat_template = TEMPLATES["ours"]
    make, said = SAID[kind]
    export_to(make_store(tmp_path / "w", [make(7, "b2:s")]), tmp_path / "out", "hf", shape=shape)
    trained = prepared(tokenizer, tmp_path / "out")
    for row, (question, answer) in zip(trained, said, strict=True):
        learnt = tokenizer.decode([label for label in row["labels"] if label != -100])
        unlearnt = tokenizer.decode(
            [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label == -100]
        )
        asked = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        if shape == "messages":
            assert f"{asked}{answer}" in learnt and unlearnt == ""
        else:
            assert learnt.startswith(answer) and unlearnt.endswith(asked)
