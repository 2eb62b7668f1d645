"""The recovery of a compressed model: it starts from the numbers that the compressed weights stand for, and
learns the whole distribution."""

from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("llmcompressor")

from datasets import Dataset  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402
from trl import SFTConfig  # noqa: E402

from factory.compress.quantize import quantize  # noqa: E402
from factory.context.run import Run  # noqa: E402
from factory.recipe import load_recipe  # noqa: E402
from factory.recipe.compress import Compress, Recover  # noqa: E402
from factory.student.batch import Collator  # noqa: E402
from factory.student.recover import RecoveryTrainer, dense, make_trainer  # noqa: E402
from factory.system.progress import Progress  # noqa: E402
from factory.tasks.rows import IGNORED  # noqa: E402
from factory.workspace import Workspace  # noqa: E402
from tests.support import tiny  # noqa: E402

ROOT = Path(__file__).parents[3]
TEXTS = [" ".join(f"w{(7 * i + j) % tiny.VOCABULARY}" for j in range(12)) for i in range(8)]

FOUR_BITS = Compress.model_validate({"quantize": "w4a16", "group_size": 32, "sparsity": {"pattern": "2:4"}})


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A student and what four bits made of it."""
    student, compressed = tmp_path / "student", tmp_path / "compressed"
    tiny.model(4, width=64).to(torch.bfloat16).save_pretrained(student)
    model = AutoModelForCausalLM.from_pretrained(student, dtype=torch.bfloat16)
    for layer in model.model.layers:
        # Groups of 32 have to divide every width.
        layer.mlp.gate_proj, layer.mlp.up_proj, layer.mlp.down_proj = (
            torch.nn.Linear(*shape, bias=False, dtype=torch.bfloat16)
            for shape in ((64, 64), (64, 64), (64, 64))
        )
    model.config.intermediate_size = 64
    model.save_pretrained(student)
    quantize(model, tiny.tokenizer(), TEXTS, FOUR_BITS, 64)
    model.save_pretrained(compressed, save_compressed=True)
    return student, compressed


def test_the_start_is_what_the_compressed_weights_stand_for(folders: tuple[Path, Path]) -> None:
    _, compressed = folders
    stored, plain = load_file(compressed / "model.safetensors"), dense(compressed, torch.float32)
    assert type(plain.model.layers[0].mlp.down_proj) is torch.nn.Linear
    for name in ("model.layers.1.mlp.down_proj", "model.layers.0.self_attn.q_proj"):
        packed, scale = stored[f"{name}.weight_packed"], stored[f"{name}.weight_scale"].float()
        # Eight numbers of four bits in one of thirty-two, the first in the lowest, each moved up by eight.
        steps = torch.stack([(packed >> (4 * place)) & 15 for place in range(8)], dim=2).flatten(1) - 8
        expected = (steps.float().unflatten(1, (-1, 32)) * scale[:, :, None]).flatten(1)
        torch.testing.assert_close(plain.get_submodule(name).weight.float(), expected, atol=2e-3, rtol=8e-3)
    assert torch.equal(plain.model.embed_tokens.weight, stored["model.embed_tokens.weight"].float())


def test_the_loss_is_the_divergence_from_the_whole_model(tmp_path: Path) -> None:
    whole, rows = tiny.model(1), tiny.rows(3, 5)
    small = get_peft_model(tiny.model(2), LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    columns = [{"input_ids": row.input_ids, "labels": row.labels} for row in rows]
    arguments = SFTConfig(**tiny.arguments(tmp_path, steps=1), dataset_kwargs={"skip_prepare_dataset": True})
    trainer = RecoveryTrainer(
        model=small, whole=whole, args=arguments, train_dataset=Dataset.from_list(columns),
        data_collator=Collator(0),
        processing_class=tiny.tokenizer(),
    )  # fmt: skip
    loss = trainer.compute_loss(trainer.model, Collator(0)(columns))
    kl = []
    for row in rows:
        theirs, ours = (
            tiny.logits(model, row.input_ids)[:-1].double().log_softmax(1) for model in (whole, small)
        )
        learnt = torch.tensor(row.labels[1:]) != IGNORED
        kl.append((theirs.exp() * (theirs - ours)).sum(1)[learnt])
    assert float(loss.detach()) == pytest.approx(float(torch.cat(kl).mean()), abs=1e-5)


def test_training_brings_the_compressed_model_nearer(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    recipe = yaml.safe_load((ROOT / "pipelines" / "calculator.yaml").read_text())
    for part, key in (("data", "seeds"), ("data", "tools"), ("evaluate", "held_out")):
        recipe[part][key] = str(ROOT / recipe[part][key])
    recipe["student"]["precision"] = "float32"
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    context = Run(load_recipe(path), Workspace(tmp_path / "work"), Progress())
    settings = Recover(steps=30, batch_size=8, learning_rate=5e-3, rank=8)
    trainer = make_trainer(
        context, settings, *folders, tiny.rows(8, 3), tiny.tokenizer(), str(tmp_path / "checkpoints")
    )
    trainer.run(None)
    kl = [entry["value"] for entry in trainer.logged(["divergence"])]
    assert len(kl) == 30
    assert kl[0] > 0.01
    assert sum(kl[-5:]) / 5 < 0.5 * kl[0]
    model = trainer.finished().merge_and_unload().to(torch.bfloat16)
    assert type(model.model.layers[0].mlp.up_proj) is torch.nn.Linear
    quantize(model, tiny.tokenizer(), TEXTS, FOUR_BITS, 64)
    model.save_pretrained(tmp_path / "again", save_compressed=True)
    assert "model.layers.0.mlp.up_proj.weight_packed" in load_file(tmp_path / "again" / "model.safetensors")
