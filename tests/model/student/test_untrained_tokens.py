"""A token that its base cannot tell from others gets a row of its own, and can be learnt then; nothing else
changes."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from peft import LoraConfig, get_peft_model  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # noqa: E402

from factory.adapters.lora import Lora  # noqa: E402
from factory.chat_formats.hermes import Hermes  # noqa: E402
from factory.student.model import new_student  # noqa: E402
from factory.student.untrained_tokens import give_rows  # noqa: E402

MARKS = ("<tool_call>", "</tool_call>")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=made)
    fast.add_special_tokens({"eos_token": "<|im_end|>"})
    fast.add_tokens([*MARKS, *(f"<unused{i}>" for i in range(18))])
    return fast


def _model(tokenizer: Any, *, tied: bool = True, trained: bool = False) -> Any:
    torch.manual_seed(4)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.3,
        tie_word_embeddings=tied,
    )
    model = LlamaForCausalLM(config)
    if not trained:
        first = tokenizer.convert_tokens_to_ids(MARKS[0])
        for table in {model.get_input_embeddings().weight, model.get_output_embeddings().weight}:
            with torch.no_grad():
                table[first:] = table[first] + 1e-4 * torch.randn_like(table[first:])
    return model


def _loss_after_training(model: Any, tokenizer: Any) -> float:
    """Return the nats that the mark of a call still costs after an adapter has seen it eighty times."""
    torch.manual_seed(4)
    student = get_peft_model(
        model,
        LoraConfig(r=8, target_modules="all-linear", exclude_modules=["lm_head"], task_type="CAUSAL_LM"),
    )
    ids = torch.tensor([tokenizer.encode("How many?" + MARKS[0], add_special_tokens=False)])
    labels = torch.full_like(ids, -100)
    labels[:, -1] = ids[:, -1]
    optimizer = torch.optim.AdamW(
        [weight for weight in student.parameters() if weight.requires_grad], lr=1e-2
    )
    for _ in range(80):
        loss = student(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


def test_a_mark_that_no_adapter_could_learn_is_learnt(tokenizer: Any) -> None:
    # Twenty twins: ln 20 is 3.0.
    assert _loss_after_training(_model(tokenizer), tokenizer) > 2.9
    model = _model(tokenizer)
    assert give_rows(model, tokenizer, MARKS) == list(MARKS)
    assert _loss_after_training(model, tokenizer) < 0.5


@pytest.mark.parametrize("tied", [True, False])
def test_the_row_is_the_mean_of_the_pieces_as_long_as_a_common_row(tokenizer: Any, tied: bool) -> None:
    model = _model(tokenizer, tied=tied)
    before = [
        layer.weight.detach().clone()
        for layer in (model.get_input_embeddings(), model.get_output_embeddings())
    ]
    give_rows(model, tokenizer, MARKS)
    marks = [tokenizer.convert_tokens_to_ids(mark) for mark in MARKS]
    for layer, old in zip((model.get_input_embeddings(), model.get_output_embeddings()), before, strict=True):
        changed = (layer.weight != old).any(dim=1).nonzero()[:, 0].tolist()
        assert changed == marks
        mean = old[[tokenizer.convert_tokens_to_ids(letter) for letter in MARKS[0]]].mean(0)
        assert torch.nn.functional.cosine_similarity(layer.weight[marks[0]], mean, dim=0) > 0.9999
        assert layer.weight[marks[0]].norm().item() == pytest.approx(
            old.norm(dim=1).median().item(), rel=1e-4
        )
    other = _model(tokenizer, tied=tied)
    give_rows(other, tokenizer, MARKS)
    assert torch.equal(other.get_output_embeddings().weight, model.get_output_embeddings().weight)


def test_a_base_that_knows_its_tokens_stays_as_it_is(tokenizer: Any) -> None:
    model = _model(tokenizer, trained=True)
    before = model.get_input_embeddings().weight.detach().clone()
    assert give_rows(model, tokenizer, MARKS) == []
    assert torch.equal(model.get_input_embeddings().weight, before)


def test_a_row_that_training_moved_a_little_stays(tokenizer: Any) -> None:
    model = _model(tokenizer)
    ids = [tokenizer.convert_tokens_to_ids(mark) for mark in MARKS]
    table = model.get_input_embeddings().weight
    with torch.no_grad():
        for one in ids:
            table[one] += 0.13 * table[one].norm() * torch.nn.functional.normalize(torch.randn(32), dim=0)
    assert give_rows(model, tokenizer, MARKS) == []


@pytest.mark.parametrize("trained", [True, False])
def test_a_person_is_told_of_it(tokenizer: Any, tmp_path: Path, trained: bool) -> None:
    _model(tokenizer, trained=trained).save_pretrained(tmp_path)
    told: list[str] = []
    marks = Hermes().written_marks
    new_student(tmp_path, Lora(rank=2, alpha=4), tokenizer, torch.float32, 0, told.append, marks=marks)
    assert [line.strip().partition(": ")[0] for line in told] == ([] if trained else [", ".join(MARKS)])
