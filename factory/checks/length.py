"""`length`: the answer is neither shorter nor longer than the recipe wants."""

from typing import Any

from factory.checks.check import Verdict
from factory.tasks.sample import Sample
from factory.text.rouge import tokens


class LengthCheck:
    """Fails with too_short or too_long. The score is the number of words (for Chinese of characters) in the
    answer, or in what the teacher wrote where there is none."""

    name = "length"

    def __init__(self, min_words: int = 1, max_words: int = 2000):
        if not 0 <= min_words <= max_words:
            raise ValueError(f"min_words ({min_words}) has to be between 0 and max_words ({max_words})")
        self.settings: dict[str, Any] = {"min_words": min_words, "max_words": max_words}

    def judge(self, sample: Sample) -> Verdict:
        count = len(tokens(sample.text if sample.answer is None else sample.answer))
        least, most = self.settings["min_words"], self.settings["max_words"]
        if count < least:
            return Verdict(False, "too_short", f"{count} words, at least {least} are wanted", count)
        return (
            Verdict(False, "too_long", f"{count} words, at most {most} are wanted", count)
            if count > most
            else Verdict(True, score=count)
        )
