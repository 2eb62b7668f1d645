"""What holds for every pair of files in `data/` that people wrote for one job: seeds and held-out tasks."""

from collections import Counter
from collections.abc import Callable
from itertools import combinations

from factory.checks.decontamination import DecontaminationCheck
from factory.seeds.seed import Seed
from tests.support.data_rows import Row
from tests.support.judged import judged
from tests.support.rouge import rouge_l, tokens

NEAR = 0.6
TextOf = Callable[[Row], str]


def near_pairs(rows: list[Row], text_of: TextOf) -> list[tuple[str, str, float]]:
    """Return every pair of rows whose texts have a ROUGE-L above NEAR, with it."""
    texts = [(row["id"], text := text_of(row), Counter(tokens(text))) for row in rows]
    return [
        (name, other, round(score, 3))
        for (name, text, words), (other, beside, others) in combinations(texts, 2)
        # A common subsequence is a common multiset too: what this rules out needs no table.
        if 2 * (words & others).total() > NEAR * (words.total() + others.total())
        and (score := rouge_l(text, beside)) > NEAR
    ]


def leaks(seeds: list[Row], held_out: list[Row], text_of: TextOf, answer_of: TextOf) -> list[tuple[str, str]]:
    """Return each seed that the check `decontamination` would throw out, with what it says."""
    check = DecontaminationCheck(
        [
            Seed(row["id"], row["language"], "general", text_of(row), answer_of(row), "held_out.jsonl", line)
            for line, row in enumerate(held_out, 1)
        ]
    )
    verdicts = {
        row["id"]: check.judge(judged(answer_of(row), question=text_of(row), reference=answer_of(row)))
        for row in seeds
    }
    return [(name, verdict.detail) for name, verdict in verdicts.items() if not verdict.passed]


def repeated(rows: list[Row]) -> list[str]:
    """Return the ids that stand there more than once."""
    return [name for name, count in Counter(row["id"] for row in rows).items() if count > 1]
