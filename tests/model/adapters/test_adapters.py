"""Every kind of adapter on tiny models: what is trained, what its merge computes, and that virtual tokens
never come out."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

pytest.importorskip("torch")

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from trl import SFTConfig

from factory.adapters.adapter import Adapter
from factory.adapters.full import FullWeights
from factory.adapters.kinds import ADAPTERS
from factory.adapters.lora import Lora
from factory.adapters.prompt_tuning import PromptTuning
from factory.student.batch import Collator
from factory.student.model import further_student, merged, new_student
from factory.student.sft_trainer import SftTrainer
from factory.tasks.rows import IGNORED
from tests.support import tiny

TEMPLATE = "{% for message in messages %}{{ message.content }} {% endfor %}"


class Norms(Adapter):
    """An adapter that the factory does not know: the norms of the base are trained, and nothing else."""

    artifact_kind: ClassVar[Literal["adapter", "model"]] = "model"
    float32: ClassVar[bool] = True

    kind: Literal["norms"] = "norms"

    def wrap(self, model: Any, tokenizer: Any) -> Any:
        for name, weight in model.named_parameters():
            weight.requires_grad_("norm" in name)
        return model

    def resume(self, model: Any, trained: Path) -> Any:
        return self.wrap(model, None)

    def merge(self, model: Any, trained: Path, tokenizer: Any) -> Any:
        return model


KINDS: list[Adapter] = [
    Lora(rank=4, alpha=8),
    Lora(rank=4, alpha=8, rslora=True),
    Lora(rank=4, alpha=8, dora=True),
    PromptTuning(kind="prompt_tuning", tokens=3, init="w7 w8"),
    FullWeights(kind="full"),
    Norms(),
]
NAMES = ["lora", "rslora", "dora", "prompt_tuning", "full", "norms"]
IDS = [5, 9, 31, 77, 12, 150]


@pytest.fixture(params=[False, True], ids=["untied", "tied"])
def base(request: Any, tmp_path: Path) -> Path:
    torch.manual_seed(4)
    config = LlamaConfig(
        vocab_size=tiny.VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.3,
        eos_token_id=1,
        pad_token_id=0,
        tie_word_embeddings=request.param,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def _tokenizer() -> Any:
    tokenizer = tiny.tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _train(model: Any, folder: Path, rate: float = 0.05) -> Any:
    dataset = tiny.dataset(tiny.rows(9, 1))
    config = SFTConfig(
        **tiny.arguments(folder, learning_rate=rate), dataset_kwargs={"skip_prepare_dataset": True}
    )
    trainer = SftTrainer(
        model=model,
        args=config,
        train_dataset=dataset,
        data_collator=Collator(0),
        processing_class=tiny.tokenizer(),
    )
    trainer.train()
    return trainer


def _logits(model: Any, ids: list[int] = IDS) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(torch.tensor([ids])).logits[0].float()


def test_every_kind_is_tested_here() -> None:
    assert {type(adapter) for adapter in KINDS} - {Norms} == set(ADAPTERS.values())


@pytest.mark.parametrize("adapter", KINDS, ids=NAMES)
def test_the_merge_computes_what_was_trained(base: Path, tmp_path: Path, adapter: Adapter) -> None:
    model = new_student(base, adapter, _tokenizer(), torch.float32, 3)
    before = _logits(model)
    trainer = _train(model, tmp_path / "out")
    trained = _logits(trainer.model)
    assert not torch.allclose(trained, before, atol=1e-3)
    trainer.finished().save_pretrained(tmp_path / "trained")
    tokenizer = _tokenizer()
    whole = merged(base, adapter, tmp_path / "trained", tokenizer)
    assert whole.dtype == torch.bfloat16
    whole.save_pretrained(tmp_path / "student")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "student", dtype=torch.float32)
    soft = (
        [tokenizer.convert_tokens_to_ids(f"<|soft_{number}|>") for number in range(3)]
        if isinstance(adapter, PromptTuning)
        else []
    )
    ours, wanted = _logits(loaded, [*soft, *IDS])[len(soft) :, : tiny.VOCABULARY], trained[-len(IDS) :]
    # bfloat16 keeps eight bits; what training changed is far more than that.
    assert (ours - wanted).norm() < 0.02 * wanted.norm() < 0.2 * (wanted - before[-len(IDS) :]).norm()


@pytest.mark.parametrize("adapter", KINDS, ids=NAMES)
def test_a_later_stage_goes_on_from_the_one_before(base: Path, tmp_path: Path, adapter: Adapter) -> None:
    trainer = _train(new_student(base, adapter, _tokenizer(), torch.float32, 3), tmp_path / "out")
    trainer.finished().save_pretrained(tmp_path / "trained")
    further = further_student(base, adapter, tmp_path / "trained", _tokenizer(), torch.float32)
    torch.testing.assert_close(_logits(further), _logits(trainer.model), rtol=1e-5, atol=1e-5)
    assert any(parameter.requires_grad for parameter in further.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("adapter", KINDS, ids=NAMES)
def test_what_is_trained_is_float32_and_the_base_only_where_it_is_trained(
    base: Path, adapter: Adapter, dtype: torch.dtype
) -> None:
    model = new_student(base, adapter, _tokenizer(), dtype, 3)
    trained = {weight.dtype for weight in model.parameters() if weight.requires_grad}
    frozen = {weight.dtype for weight in model.parameters() if not weight.requires_grad}
    assert trained == {torch.float32}
    assert frozen <= {torch.float32 if adapter.float32 else dtype}


def test_only_the_virtual_tokens_are_trained(base: Path) -> None:
    model = new_student(
        base, PromptTuning(kind="prompt_tuning", tokens=3, init="w7 w8"), _tokenizer(), torch.float32, 3
    )
    trained = {
        name: tuple(parameter.shape)
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    assert list(trained.values()) == [(3, 32)]
    begun = model.get_prompt_embedding_to_save("default")
    embedding = model.get_base_model().get_input_embeddings().weight
    assert torch.equal(begun, embedding[torch.tensor([7, 8, 7])])


def test_the_loss_of_a_prompt_tuned_student_is_that_of_its_logits(base: Path, tmp_path: Path) -> None:
    model = new_student(base, PromptTuning(kind="prompt_tuning", tokens=5), _tokenizer(), torch.float32, 3)
    trainer = _train(model, tmp_path / "out")
    rows = tiny.rows(3, 2)
    batch = Collator(0)(tiny.columns(rows))
    loss = trainer.compute_loss(
        trainer.model.eval(), {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    )
    nll = []
    for row in rows:
        logprobs = _logits(trainer.model, row.input_ids)[5:].double().log_softmax(1)
        nll += [-logprobs[place - 1, label] for place, label in enumerate(row.labels) if label != IGNORED]
    assert float(loss.detach()) == pytest.approx(float(torch.stack(nll).mean()), rel=1e-5)


def test_a_conversation_begins_with_the_virtual_tokens_which_never_come_out(
    base: Path, tmp_path: Path
) -> None:
    adapter = PromptTuning(kind="prompt_tuning", tokens=3)
    tokenizer = _tokenizer()
    _train(
        new_student(base, adapter, tokenizer, torch.float32, 3), tmp_path / "out", 0.5
    ).finished().save_pretrained(tmp_path / "trained")
    whole = merged(base, adapter, tmp_path / "trained", tokenizer).float().eval()
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "w5 w9"}], tokenize=True, return_dict=False
    )
    assert ids == [*range(tiny.VOCABULARY, tiny.VOCABULARY + 3), 5, 9]
    head = whole.get_output_embeddings().weight
    reserved = head[tiny.VOCABULARY]
    assert any(torch.equal(reserved, row) for row in head[: tiny.VOCABULARY])
    out = whole.generate(torch.tensor([ids]), max_new_tokens=20, do_sample=False, pad_token_id=0)[
        0, len(ids) :
    ]
    assert int(out.max()) < tiny.VOCABULARY
