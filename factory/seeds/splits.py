"""The split that a name tells of, wherever in it: `gsm8k_test.jsonl`, `my.train.jsonl`, `test/part-0.jsonl`,
`testset.csv`, `mathTest.jsonl`, `held-out.jsonl`, `测试集.jsonl`.

Promise: what belongs to a test or validation split is never read by accident: where names tell of several
splits, or of one of these beside files of none, one has to be asked for.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from factory.errors import InputError

# The names of a split, the one that most people use first.
_ALIASES = (
    ("train", "training", "训练"),
    ("validation", "valid", "val", "dev", "development", "验证"),
    ("eval", "evaluation", "评估"),
    ("test", "testing", "heldout", "holdout", "测试"),
)
_NAMES = {name: names[0] for names in _ALIASES for name in names}
_WORD = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # mathTest, GSM8KTest
_HELD = re.compile(r"(held|hold)[\W_]+out")
_ENDS = ("set", "data", "split", "集", "数据")  # testset, traindata
T = TypeVar("T")


def split_of_name(name: str) -> str | None:
    """Return the split that a file's or folder's name tells of as it is written there; None if it tells of
    none, or of several."""
    text = _HELD.sub(r"\1out", _HUMP.sub(" ", name).casefold())
    words = (_without_end(word) for word in _WORD.findall(text))
    found = dict.fromkeys(word for word in words if word in _NAMES)
    return next(iter(found)) if len({_NAMES[word] for word in found}) == 1 else None


def split_word(said: str) -> str | None:
    """Return the split that a single word means, by the name that most people use; None if it means none."""
    return _NAMES.get(_without_end(_HELD.sub(r"\1out", said.strip().casefold())))


def _without_end(word: str) -> str:
    return next((word.removesuffix(end) for end in _ENDS if word.removesuffix(end) in _NAMES), word)


def choose_split(named: Mapping[T, str | None], split: str | None, where: str) -> list[T]:
    """Return the things of the split that is asked for, or all if they are of one; raise InputError that
    names the splits otherwise."""
    splits = list(dict.fromkeys(name for name in named.values() if name))
    if split is None:
        others = [name for name in splits if _NAMES[name] != "train"]
        if len({_NAMES[name] for name in splits}) > 1:
            raise InputError(
                f"{where} holds the splits {', '.join(splits)}", "Choose one with split, or name one file."
            )
        if others and None in named.values():
            raise InputError(
                f"{where} holds the split {others[0]} beside files whose names tell of none",
                "Choose one with split, or name one file.",
            )
        return list(named)
    wanted = split.casefold()
    chosen = [thing for thing, name in named.items() if name == wanted]
    chosen = chosen or [
        thing for thing, name in named.items() if name and _NAMES[name] == _NAMES.get(wanted, wanted)
    ]
    if not chosen:
        raise InputError(
            f"{where} has no file of the split {split!r}",
            f"It has: {', '.join(splits) or 'files without one'}.",
        )
    return chosen
