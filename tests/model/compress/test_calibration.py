"""The texts that compression looks at are those that the student learns: of reasoning, both tasks with their
prefixes."""

from pathlib import Path

from factory.compress.calibration import chat_texts
from factory.context.training_set import TrainingSet
from factory.generate.check import check
from factory.generate.stage import generate
from tests.support import tiny
from tests.support.scripted import Model, checks, load, opened, project, reasoning


def test_a_sample_of_reasoning_is_read_as_both_of_its_tasks(tmp_path: Path) -> None:
    project(tmp_path, "rationale", "count: 4", more=checks("rationale"))
    context, tokenizer = load(tmp_path), tiny.tokenizer()
    tokenizer.chat_template = (
        "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    )
    with opened(context) as store:
        generate(context, store, Model(reasoning))
        check(context, store)
        samples = TrainingSet(store)
        texts = chat_texts(context.run, samples, tokenizer)
        assert len(texts) == 2 * len(samples.ids) >= 8
        assert chat_texts(context.run, samples, tokenizer, samples.ids[1:2]) == texts[2:4]
    for label, rationale in zip(texts[::2], texts[1::2], strict=True):
        assert label.startswith("user: [label] ") and "There are" not in label
        assert rationale.startswith("user: [rationale] ") and "There are" in rationale
