"""Recovery: distills the student into its compressed model, and compresses that again.

The compressed weights, dequantized, get a low-rank adapter, which learns the student's
whole distribution (forward KL) on the tokens of the accepted answers; the adapter is added to the weights,
and these are compressed as before. Zeros and roundings are chosen again: training, pruning and training again
is the old way to lose less by it (Han et al., 2015, arXiv 1506.02626).

Promise: it survives a kill, as every training does; the result is written atomically, its log into the store.
Not promised: that it helps. `factory.evaluate.gate` looks.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, TaskType, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from trl import SFTConfig

from factory.compress.calibration import chat_texts
from factory.compress.compression import shrink
from factory.compress.dequantize import dense
from factory.compress.embedding import cut_model
from factory.compress.vocabulary import KEPT
from factory.context.lineage import Lineage
from factory.context.run import Run
from factory.context.training_set import spread
from factory.models.artifact import publish, verify
from factory.recipe.compress import Recover, is_calibrated
from factory.store.store import Store
from factory.student.batch import Collator
from factory.student.checkpoints import Live, WholeCheckpoints, last_whole
from factory.student.comparison import Comparison, TeacherSignal
from factory.student.losses.head import Head
from factory.student.objective import Objective
from factory.student.sft_trainer import SftTrainer
from factory.student.stage_plan import set_aside_share
from factory.student.stage_trainers import training_dtype
from factory.student.step_settings import StepSettings
from factory.student.trackers import report_to_trackers
from factory.student.train import training_rows
from factory.student.trl_arguments import training_arguments
from factory.student.validation import set_aside
from factory.tasks.rows import IGNORED, TrainingRow

_WHOLE = Comparison(StepSettings(0, None, None, 1.0, 1.0, 0.0))
_WARMUP, _SAVE_EVERY = 0.1, 20
_LOGGED = ("loss", "divergence", "learning_rate", "grad_norm", "tokens_per_s")


class RecoveryTrainer(SftTrainer):
    """Learns from `whole`, a model with the same tokenizer that reads the same rows."""

    def __init__(self, *arguments: Any, whole: Any, **named: Any):
        self._whole = whole.eval()
        super().__init__(*arguments, **named)

    def objective(self, inputs: dict[str, torch.Tensor], step: int) -> Objective:
        """Return the divergence of a batch from the whole model, on all that is learnt."""
        targets = inputs["labels"][:, 1:]
        learnt = targets != IGNORED
        with torch.no_grad():
            output = self._whole.get_decoder()(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False
            )
        known = TeacherSignal(hidden=output.last_hidden_state[:, :-1][learnt], head=Head.of(self._whole))
        return Objective(targets, learnt, learnt, known, _WHOLE, over_processes=self._over_processes)


def recover(run: Run, store: Store) -> str:
    """Train the compressed model, compress it again if that is missing, and return a line that sums it up."""
    lineage = Lineage(run, store)
    samples, planned = lineage.samples, lineage.recovered
    compressed, student = (run.workspace.models / made.name for made in (lineage.quantized, lineage.student))
    settings, target = run.loaded.recipe.compress, run.workspace.models / planned.name
    assert settings is not None and settings.recover is not None
    verify(student)
    verify(compressed)
    if not target.exists():
        tokenizer = AutoTokenizer.from_pretrained(compressed)
        rows = training_rows(run, samples, tokenizer, with_teacher=False)
        learnt, _ = set_aside(rows, 0.0, set_aside_share(run.student, rows), distilled=False)
        stay = {rows[place].sample_id for place in learnt}
        checkpoints = run.workspace.checkpoints / planned.name
        trainer = make_trainer(
            run,
            settings.recover,
            student,
            compressed,
            [rows[place] for place in learnt],
            tokenizer,
            str(checkpoints),
        )
        trainer.add_callback(WholeCheckpoints())
        trainer.add_callback(Live(run.progress, "recover", settings.recover.steps))
        report_to_trackers(run, trainer, planned.artifact_id)
        trainer.run(last_whole(checkpoints))
        log = trainer.logged(_LOGGED)
        model = trainer.finished().merge_and_unload().to(torch.bfloat16)
        left_out = [one for one in samples.ids if one not in stay]
        with publish(target, planned.about | {"training_log": log, "left_out": left_out}) as staging:
            for path in compressed.iterdir():
                if path.suffix != ".safetensors" and path.name not in ("config.json", "manifest.json"):
                    shutil.copy(path, staging)
            shrink(
                run,
                model,
                tokenizer,
                chat_texts(run, samples, tokenizer, spread(samples.ids, settings.calibration_samples)),
            )
            model.save_pretrained(staging, save_compressed=True)
        shutil.rmtree(checkpoints, ignore_errors=True)
    artifact = verify(target)
    log, unlearnt = artifact.about.pop("training_log"), set(artifact.about.pop("left_out", []))
    if not store.query("SELECT 1 FROM training_log WHERE artifact_id = ?", [planned.artifact_id]):
        store.commit(
            training_log=[entry | {"artifact_id": planned.artifact_id, "stage": "recover"} for entry in log]
        )
    roles = {"train": [one for one in samples.ids if one not in unlearnt]}
    if is_calibrated(settings):
        roles["calibrate"] = spread(samples.ids, settings.calibration_samples)
    lineage.record(planned, artifact, roles)
    return planned.name


def make_trainer(
    run: Run,
    settings: Recover,
    student: Path,
    compressed: Path,
    rows: Sequence[TrainingRow],
    tokenizer: PreTrainedTokenizerBase,
    checkpoints: str,
) -> RecoveryTrainer:
    """Return the trainer of the compressed model in the folder `compressed`, taught by that in `student`."""
    dtype = training_dtype(run)
    whole = AutoModelForCausalLM.from_pretrained(student, dtype=dtype)
    if (kept := compressed / KEPT).exists():
        cut_model(whole, json.loads(kept.read_text(encoding="utf-8")))
    torch.manual_seed(run.loaded.recipe.seed)
    adapter = LoraConfig(
        r=settings.rank,
        lora_alpha=2 * settings.rank,
        target_modules="all-linear",
        task_type=TaskType.CAUSAL_LM,
    )
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    arguments = training_arguments(
        checkpoints,
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup=_WARMUP,
        save_every=_SAVE_EVERY,
        seed=run.loaded.recipe.seed,
    )
    return RecoveryTrainer(
        model=get_peft_model(dense(compressed, dtype), adapter),
        whole=whole,
        args=SFTConfig(
            **arguments, gradient_checkpointing=False, dataset_kwargs={"skip_prepare_dataset": True}
        ),
        train_dataset=Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows]),
        data_collator=Collator(pad),
        processing_class=tokenizer,
    )
