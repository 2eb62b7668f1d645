"""What the trainers compute on padded batches, against the same thing computed row by row without padding, in
float64."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from peft import LoraConfig, get_peft_model  # noqa: E402
from trl import SFTConfig  # noqa: E402

from factory.errors import FactoryError  # noqa: E402
from factory.recipe.distill import Distill  # noqa: E402
from factory.student.batch import Collator  # noqa: E402
from factory.student.cache import open_cache  # noqa: E402
from factory.student.distill_spec import DistillSpec, gkd_config  # noqa: E402
from factory.student.distill_trainer import DistillTrainer  # noqa: E402
from factory.student.online_distill_trainer import OnlineDistillTrainer  # noqa: E402
from factory.student.sft_trainer import SftTrainer  # noqa: E402
from factory.tasks.rows import IGNORED, TeacherSpan  # noqa: E402
from tests.support import formulas, tiny  # noqa: E402
from tests.support.caches import made_here  # noqa: E402


def _trainer(
    folder: Path,
    rows,
    *,
    student=None,
    online_teacher=None,
    cache=None,
    layers=(),
    width=32,
    steps=4,
    closing=(4,),
    own=6,
    **settings,
):
    """Return the trainer that fits the settings, on tiny models."""
    student = tiny.adapted(1) if student is None else student
    # Of two random models none says what the other does, or what was accepted.
    settings = Distill.model_validate({"steps": steps, "trust": False, "mix": "share"} | settings)
    shared = {
        "model": student,
        "train_dataset": tiny.dataset(rows),
        "data_collator": Collator(0),
        "processing_class": tiny.tokenizer(),
        "spec": DistillSpec(settings, tiny.K, layers, width),
    }
    arguments = tiny.arguments(folder, steps=steps, gradient_checkpointing=settings.gradient_checkpointing)
    if settings.teacher == "in_process":
        return OnlineDistillTrainer(
            teacher_model=online_teacher,
            closing=closing,
            args=gkd_config(settings, own, **arguments),
            **shared,
        )
    return DistillTrainer(
        cache=cache, args=SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True}), **shared
    )


def _loss(trainer, rows) -> tuple[float, dict[str, float]]:
    trainer._metrics["train"].clear()
    trainer.model.train()
    loss = trainer.compute_loss(trainer.model, trainer.data_collator(tiny.columns(rows)))
    return loss.item(), {name: values[-1] for name, values in trainer._metrics["train"].items()}


def _nll(student, rows) -> float:
    found = [
        -tiny.logits(student, row.input_ids)[at - 1].log_softmax(0)[label].item()
        for row in rows
        for at, label in enumerate(row.labels)
        if label != IGNORED
    ]
    return sum(found) / len(found)


def _calls(student, teacher, rows):
    """Yield the two sets of logits at each position of the calls."""
    for row in rows:
        mine, theirs = tiny.logits(student, row.input_ids), tiny.logits(teacher, row.spans[0].teacher_ids)
        offset = len(row.spans[0].teacher_ids) - row.spans[0].length
        for i in range(row.spans[0].length):
            yield mine[row.spans[0].start + i - 1], theirs[offset + i - 1]


def _forward_kl(student, teacher, rows, temperature: float) -> float:
    found = [
        float(formulas.divergence(mine, theirs, temperature=temperature))
        for mine, theirs in _calls(student, teacher, rows)
    ]
    return sum(found) / len(found)


def _bucket(student, teacher, rows, k: int) -> float:
    found = []
    for mine, theirs in _calls(student, teacher, rows):
        p, q, top = theirs.softmax(0), mine.softmax(0), theirs.topk(k).indices
        known = float((p[top] * (p[top] / q[top]).log()).sum())
        rest = 1 - float(p[top].sum())
        found.append(known + rest * math.log(rest / (1 - float(q[top].sum()))))
    return sum(found) / len(found)


def test_sft_is_cross_entropy_on_the_assistants_tokens_alone(tmp_path: Path) -> None:
    rows = tiny.rows(5, 1)
    trainer = SftTrainer(
        model=tiny.adapted(1),
        args=SFTConfig(**tiny.arguments(tmp_path), dataset_kwargs={"skip_prepare_dataset": True}),
        train_dataset=tiny.dataset(rows),
        data_collator=Collator(0),
        processing_class=tiny.tokenizer(),
    )
    loss, parts = _loss(trainer, rows)
    assert loss == pytest.approx(_nll(trainer.model, rows), abs=1e-4)
    assert parts == {"cross_entropy": pytest.approx(loss, abs=1e-6)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [1, 3, None])
def test_stored_logprobs_are_the_formula_whatever_the_padding(
    tmp_path: Path, seed: int, k: int | None
) -> None:
    teacher = tiny.model(2, layers=3)
    rows = tiny.rows(5, seed, teacher)
    trainer = _trainer(tmp_path, rows, teacher="stored", weight=0.7, **({"top_k": k} if k else {}))
    loss, parts = _loss(trainer, rows)
    nll, kl = _nll(trainer.model, rows), _bucket(trainer.model, teacher, rows, k or tiny.K)
    assert parts == {
        "cross_entropy": pytest.approx(nll, abs=1e-4),
        "divergence": pytest.approx(kl, abs=1e-4),
    }
    assert loss == pytest.approx(0.7 * kl + 0.3 * nll, abs=1e-4)


def _trainer_of(source: str, folder: Path, rows, teacher, layers=(), width=32, **settings):
    """Return a trainer that knows the whole distribution, from a teacher in memory or from a cache that it
    was put into."""
    if source == "in_process":
        return _trainer(folder, rows, online_teacher=teacher, layers=layers, width=width, **settings)
    tiny.tokenizer().save_pretrained(folder / "teacher")
    teacher.save_pretrained(folder / "teacher")
    with made_here():
        cache = open_cache(
            folder / "cache",
            folder / "teacher",
            "r1",
            rows,
            [theirs for _, theirs in layers],
            torch.float32,
            max_bytes=10**7,
            pad=0,
        )
    return _trainer(folder, rows, cache=cache, layers=layers, width=width, **settings, **{"teacher": "cache"})


@pytest.mark.parametrize("source", ["in_process", "cache"])
@pytest.mark.parametrize("padding", [-3, 0, 8])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_the_whole_distribution_is_the_formula_with_padded_vocabularies(
    tmp_path: Path, source: str, padding: int, temperature: float
) -> None:
    # Ids stay below what both have: a smaller vocabulary is only less padding.
    teacher = tiny.model(2, layers=3, width=48, vocabulary=tiny.VOCABULARY + max(padding, 0))
    student = tiny.adapted(1) if padding >= 0 else tiny.model(1, vocabulary=tiny.VOCABULARY - padding)
    rows = tiny.rows(5, 4)
    trainer = _trainer_of(
        source, tmp_path, rows, teacher, student=student, weight=0.6, temperature=temperature
    )
    assert teacher.config.vocab_size == tiny.VOCABULARY + max(padding, 0)
    loss, parts = _loss(trainer, rows)
    nll, kl = _nll(trainer.model, rows), _forward_kl(trainer.model, teacher, rows, temperature)
    assert parts == {
        "cross_entropy": pytest.approx(nll, abs=1e-4),
        "divergence": pytest.approx(kl, abs=1e-4),
    }
    assert loss == pytest.approx(0.6 * kl + 0.4 * nll, abs=1e-4)


@pytest.mark.parametrize("source", ["in_process", "cache"])
@pytest.mark.parametrize("kind", ["cosine", "mse"])
@pytest.mark.parametrize("width", [32, 48])
def test_hidden_states_are_aligned_by_the_formula(tmp_path: Path, source: str, kind: str, width: int) -> None:
    teacher, layers = tiny.model(2, layers=3, width=width), [(1, 2), (2, 3)]
    rows = tiny.rows(4, 5)
    trainer = _trainer_of(
        source, tmp_path, rows, teacher, layers, width, hidden={"loss": kind, "weight": 0.25}
    )
    loss, parts = _loss(trainer, rows)
    found = []
    for own, theirs in layers:
        weight = (
            trainer._projection_weights().get(f"{layers.index((own, theirs))}.weight", torch.eye(32)).double()
        )
        for row in rows:
            mine = (
                tiny.hidden(trainer.model, row.input_ids, own)[row.spans[0].start - 1 :][
                    : row.spans[0].length
                ]
                @ weight.T
            )
            other = tiny.hidden(teacher, row.spans[0].teacher_ids, theirs)[-row.spans[0].length - 1 : -1]
            each = (
                1 - torch.cosine_similarity(mine, other, dim=1)
                if kind == "cosine"
                else (mine - other).square().mean(1)
            )
            found += [(own, value.item()) for value in each]
    expected = sum(value for _, value in found) / len(found)
    assert parts["hidden"] == pytest.approx(expected, rel=1e-4)
    assert loss == pytest.approx(
        0.5 * parts["cross_entropy"] + 0.5 * parts["divergence"] + 0.25 * expected, abs=1e-3
    )


def test_drawn_tokens_are_the_same_at_the_same_step_and_others_at_the_next(tmp_path: Path) -> None:
    teacher, rows = tiny.model(2), tiny.rows(4, 6)
    trainer = _trainer(tmp_path, rows, online_teacher=teacher, random_k=3, weight=1.0)
    first, again = _loss(trainer, rows), _loss(trainer, rows)
    trainer.state.global_step = 1
    assert first == again != _loss(trainer, rows)


def test_the_gradient_of_a_step_is_that_of_the_dense_formula(tmp_path: Path) -> None:
    teacher, rows = tiny.model(2), tiny.rows(3, 7)
    trainer = _trainer(tmp_path, rows, online_teacher=teacher, weight=0.5, beta=0.5, temperature=2.0)
    trainer.model.zero_grad()
    batch = trainer.data_collator(tiny.columns(rows))
    trainer.compute_loss(trainer.model, batch).backward()
    got = [p.grad.clone() for p in trainer.model.parameters() if p.requires_grad]
    trainer.model.zero_grad()
    nll, kl = [], []
    for row in rows:
        mine = trainer.model(input_ids=torch.tensor([row.input_ids])).logits[0]
        theirs = teacher(input_ids=torch.tensor([row.spans[0].teacher_ids])).logits[0].detach()
        nll += [
            -mine[at - 1].log_softmax(0)[label] for at, label in enumerate(row.labels) if label != IGNORED
        ]
        own = mine[row.spans[0].start - 1 :][: row.spans[0].length]
        for one, other in zip(own, theirs[-row.spans[0].length - 1 : -1], strict=True):
            kl.append(formulas.divergence(one, other, beta=0.5, temperature=2.0))
    (0.5 * torch.stack(nll).mean() + 0.5 * torch.stack(kl).mean()).backward()
    expected = [p.grad for p in trainer.model.parameters() if p.requires_grad]
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(got, expected, strict=True))


def test_what_the_student_writes_is_cut_at_the_closing_tag_and_judged_by_the_teacher(tmp_path: Path) -> None:
    teacher, rows = tiny.model(2), tiny.rows(4, 8)
    trainer = _trainer(tmp_path, rows, online_teacher=teacher, on_policy=1.0, weight=0.8, closing=(50, 51))
    inputs = trainer.data_collator(tiny.columns(rows))
    ids, mask, labels = trainer.generate_on_policy_outputs(trainer.model, inputs, trainer.generation_config)
    assert [trainer._words(written) for written in ([9, 50, 51, 9], [50, 51], [9, 50, 9], [9, 1], [])] == [
        [9],
        [],
        [9, 50, 9],
        [9],
        [],
    ]
    written = []
    for i, row in enumerate(rows):
        own, taught = (
            ids[i][mask[i].bool()].tolist(),
            inputs["teacher_ids"][i][inputs["teacher_attention_mask"][i].bool()].tolist(),
        )
        call = own[row.spans[0].start :]
        assert own[: row.spans[0].start] == row.input_ids[: row.spans[0].start]
        assert taught == row.spans[0].teacher_ids[: -row.spans[0].length] + call
        assert labels[i][mask[i].bool()].tolist() == [IGNORED] * row.spans[0].start + call
        written.append(
            replace(
                row, input_ids=own, spans=(TeacherSpan(row.spans[0].start, len(call), taught, [], [], ""),)
            )
        )
    inputs |= {"input_ids": ids, "attention_mask": mask, "labels": labels}
    trainer._metrics["train"].clear()
    loss = trainer.compute_loss(trainer.model, inputs).item()
    kl = _forward_kl(trainer.model, teacher, written, 1.0)
    assert loss == pytest.approx(0.8 * kl, abs=1e-4)
    assert "cross_entropy" not in trainer._metrics["train"]


@pytest.mark.parametrize("checkpointing", [False, True])
def test_what_the_student_writes_is_read_once(tmp_path: Path, checkpointing: bool) -> None:
    rows, seen = tiny.rows(4, 8), []
    trainer = _trainer(
        tmp_path,
        rows,
        online_teacher=tiny.model(2),
        on_policy=1.0,
        steps=1,
        gradient_checkpointing=checkpointing,
    )

    def read(_module, inputs) -> None:
        if not torch.is_grad_enabled():
            seen.append(inputs[0].shape[1])

    trainer._base.get_input_embeddings().register_forward_pre_hook(read)
    trainer.train()
    assert len(seen) > 2
    assert set(seen[1:]) == {1}


def test_the_student_writes_without_dropout(tmp_path: Path) -> None:
    rows = tiny.rows(4, 8)
    torch.manual_seed(1)
    config = LoraConfig(
        r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False, lora_dropout=0.5
    )
    trainer = _trainer(
        tmp_path,
        rows,
        student=get_peft_model(tiny.model(1), config),
        online_teacher=tiny.model(2),
        on_policy=1.0,
    )
    written = []
    for learning in (True, False):
        trainer.model.train(learning)
        inputs = trainer.data_collator(tiny.columns(rows))
        written.append(
            trainer.generate_on_policy_outputs(trainer.model, inputs, trainer.generation_config)[0].tolist()
        )
        assert trainer.model.training is learning
    assert written[0] == written[1]


def test_the_share_of_on_policy_steps_is_as_asked(tmp_path: Path) -> None:
    teacher, rows = tiny.model(2), tiny.rows(4, 9)
    trainer = _trainer(tmp_path, rows, online_teacher=teacher, on_policy=0.5, steps=12, own=3)
    trainer.train()
    own = [
        entry["step"]
        for entry in trainer.state.log_history
        if "divergence" in entry and "cross_entropy" not in entry
    ]
    assert 1 < len(own) < 11


def test_a_loss_that_is_no_number_stops_with_its_parts(tmp_path: Path) -> None:
    teacher = tiny.model(2)
    rows = tiny.rows(4, 10, teacher)
    trainer = _trainer(tmp_path, rows, teacher="stored")
    with torch.no_grad():
        trainer._base.model.norm.weight.fill_(float("nan"))
    with pytest.raises(FactoryError, match=r"step 1: the loss is nan \(cross entropy nan, divergence nan\)"):
        trainer.train()


def test_tokens_that_differ_are_refused(tmp_path: Path) -> None:
    rows = tiny.rows(3, 11)
    trainer = _trainer(tmp_path, rows, online_teacher=tiny.model(2))
    batch = trainer.data_collator(tiny.columns(rows))
    batch["teacher_ids"][0, -1 - int((batch["teacher_attention_mask"][0] == 0).sum())] += 1
    with pytest.raises(FactoryError, match="differ"):
        trainer.compute_loss(trainer.model, batch)


def _added(trainer, rows) -> tuple[float, dict[str, float]]:
    """Return the loss of a step, and its parts, and let the trainer go on."""
    loss, parts = _loss(trainer, rows)
    trainer.state.global_step += 1
    return loss, parts


def test_divergence_is_added_and_bounded_by_cross_entropy_from_the_first_step(tmp_path: Path) -> None:
    teacher = tiny.model(2, layers=3)
    batches = [tiny.rows(4, seed, teacher) for seed in range(4)]
    trainer = _trainer(tmp_path, batches[0], teacher="stored", mix="add", bound=0.1, weight=0.9)
    means: dict[str, float] = {}
    for rows in batches:
        loss, parts = _added(trainer, rows)
        known = means or parts
        counts = min(0.9, 0.1 * known["cross_entropy"] / known["divergence"])
        assert counts < 0.9
        assert loss == pytest.approx(parts["cross_entropy"] + counts * parts["divergence"], rel=1e-5)
        means = {name: 0.9 * means.get(name, parts[name]) + 0.1 * parts[name] for name in parts}


@pytest.mark.parametrize("bound", [None, 0.01])
def test_hidden_states_are_bounded_too(tmp_path: Path, bound: float | None) -> None:
    rows = tiny.rows(4, 5)
    hidden = {"loss": "mse", "weight": 0.5}
    trainer = _trainer(
        tmp_path, rows, online_teacher=tiny.model(2), layers=[(1, 1)], mix="add", bound=bound, hidden=hidden
    )
    loss, parts = _loss(trainer, rows)
    added = loss - parts["cross_entropy"]
    if bound is None:
        assert added == pytest.approx(0.5 * parts["divergence"] + 0.5 * parts["hidden"], rel=1e-4)
    else:
        assert added == pytest.approx(2 * 0.01 * parts["cross_entropy"], rel=1e-4)


def test_what_the_student_writes_is_bounded_by_the_cross_entropy_of_other_steps(tmp_path: Path) -> None:
    rows = tiny.rows(4, 8)
    trainer = _trainer(
        tmp_path, rows, online_teacher=tiny.model(2), on_policy=1.0, mix="add", bound=0.1, weight=0.8
    )

    def own() -> tuple[float, float]:
        inputs = trainer.data_collator(tiny.columns(rows))
        ids, mask, labels = trainer.generate_on_policy_outputs(
            trainer.model, inputs, trainer.generation_config
        )
        inputs |= {"input_ids": ids, "attention_mask": mask, "labels": labels}
        trainer._metrics["train"].clear()
        trainer.model.train()
        loss = trainer.compute_loss(trainer.model, inputs).item()
        return loss, trainer._metrics["train"]["divergence"][-1]

    # Nothing was learnt from answers yet, so that there is nothing to protect.
    loss, value = own()
    assert loss == pytest.approx(0.8 * value, rel=1e-5)
    _, parts = _loss(trainer, rows)
    loss, value = own()
    assert loss == pytest.approx(0.1 * parts["cross_entropy"], rel=1e-4)


def test_only_where_the_teacher_says_what_was_accepted_it_is_learnt_from(tmp_path: Path) -> None:
    teacher = tiny.model(2, layers=3)
    rows = [_saying(teacher, row, first=number % 2) for number, row in enumerate(tiny.rows(6, 3))]
    trainer = _trainer(tmp_path, rows, online_teacher=teacher, trust=True, weight=1.0, bound=None)
    _, parts = _loss(trainer, rows)
    found = []
    for row, (mine, theirs) in zip(_by_position(rows), _calls(trainer.model, teacher, rows), strict=True):
        agreed = int(theirs.argmax()) == row
        found.append(float(formulas.divergence(mine, theirs)) * agreed)
    assert 0 < sum(map(bool, found)) < len(found)
    assert parts["divergence"] == pytest.approx(sum(found) / len(found), abs=1e-4)


def _by_position(rows) -> list[int]:
    """Return the accepted token at each position of the calls."""
    return [token for row in rows for token in row.spans[0].teacher_ids[-row.spans[0].length :]]


def _saying(teacher, row, *, first: int):
    """Return a row of which each call's token from `first` on is what the teacher would write."""
    (span,) = row.spans
    asked, ids = span.teacher_ids[: -span.length], list(row.input_ids)
    written = list(span.teacher_ids[-span.length :])
    for place in range(first, span.length):
        written[place] = int(tiny.logits(teacher, [*asked, *written[:place]])[-1].argmax())
    ids[span.start : span.start + span.length] = written
    labels = [IGNORED if label == IGNORED else token for label, token in zip(row.labels, ids, strict=True)]
    taught = TeacherSpan(span.start, span.length, [*asked, *written], [], [], "")
    return replace(row, input_ids=ids, labels=labels, spans=(taught,))


@pytest.mark.parametrize("own", [False, True])
def test_whether_to_call_at_all_is_not_learnt_after_the_call_was_begun(tmp_path: Path, own: bool) -> None:
    teacher = tiny.model(2, layers=3)
    rows = [row for row in tiny.rows(6, 9) if row.spans[0].length > 1]
    trainer = _trainer(tmp_path, rows, online_teacher=teacher, weight=1.0)
    batch = [
        each | {"openings": [row.spans[0].start] if number else []}
        for number, (each, row) in enumerate(zip(tiny.columns(rows), rows, strict=True))
    ]
    trainer.model.train()
    inputs = trainer.data_collator(batch)
    if own:
        ids, mask, labels = trainer.generate_on_policy_outputs(
            trainer.model, inputs, trainer.generation_config
        )
        inputs |= {"input_ids": ids, "attention_mask": mask, "labels": labels}
    objective = trainer.objective(inputs, 0)
    skipped = objective.teacher_mask & ~objective.taught
    assert skipped.nonzero().tolist() == [
        [number, row.spans[0].start - 1]
        for number, row in enumerate(rows)
        if number and objective.teacher_mask[number, row.spans[0].start - 1]
    ]
    if not own:
        value = trainer.compute_loss(trainer.model, inputs).item()
        found, starts = [], {row.spans[0].start for row in rows}
        assert starts
        for number, row in enumerate(rows):
            each = [float(formulas.divergence(*pair)) for pair in _calls(trainer.model, teacher, [row])]
            found += each[1:] if number else each
        assert value == pytest.approx(sum(found) / len(found), abs=1e-4)


@pytest.mark.parametrize("way", ["whole", "stored"])
def test_taids_target_is_between_student_and_teacher_without_gradient(tmp_path: Path, way: str) -> None:
    teacher = tiny.model(2)
    rows = tiny.rows(3, 7, teacher)
    source = {"teacher": "stored"} if way == "stored" else {"online_teacher": teacher}
    trainer = _trainer(tmp_path, rows, weight=1.0, interpolate="taid", temperature=1.0, **source)
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, trainer.data_collator(tiny.columns(rows))).backward()
    got = [p.grad.clone() for p in trainer.model.parameters() if p.requires_grad]
    trainer.model.zero_grad()
    kl = []
    for row in rows:
        own = trainer.model(input_ids=torch.tensor([row.input_ids])).logits[0]
        own = own[row.spans[0].start - 1 :][: row.spans[0].length]
        theirs = teacher(input_ids=torch.tensor([row.spans[0].teacher_ids])).logits[0].detach()
        for mine, their in zip(own, theirs[-row.spans[0].length - 1 : -1], strict=True):
            if way == "stored":
                ids = their.topk(tiny.K).indices.tolist()
                mine, their = (formulas.outcomes(one, ids) for one in (mine, their))
            target = (0.6 * mine.detach() + 0.4 * their).softmax(0)
            kl.append((target * (target.log() - mine.log_softmax(0))).sum())
    torch.stack(kl).mean().backward()
    expected = [p.grad for p in trainer.model.parameters() if p.requires_grad]
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(got, expected, strict=True))


def test_a_fitted_projection_aligns_better_than_a_random_one_after_a_step(tmp_path: Path) -> None:
    found = {}
    for fitted in (True, False):
        trainer = _trainer(
            tmp_path / str(fitted),
            rows := tiny.rows(20, 5),
            online_teacher=tiny.model(2, width=48),
            layers=[(1, 1), (2, 2)],
            width=48,
            steps=1,
            hidden={"weight": 1.0},
        )
        random_ones = {name: one.clone() for name, one in trainer._projection_weights().items()}
        if not fitted:
            trainer.fit_projections = lambda: None
        trainer.train()
        moved = [
            not torch.allclose(one, random_ones[name], atol=0.05)
            for name, one in trainer._projection_weights().items()
        ]
        assert all(moved) == fitted
        _, found[fitted] = _loss(trainer, rows)
    assert found[True]["hidden"] < 0.7 * found[False]["hidden"]
