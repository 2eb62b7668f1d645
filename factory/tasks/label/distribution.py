"""The probabilities of the labels, read out of the likeliest tokens that are stored with an answer.

Followed is the path of tokens that was drawn. Where a token that was not drawn can only be the beginning of
one label, its probability, times that of the path so far, is that label's; the drawn token's goes on along
the path, until only one label is left, which gets the rest. A token that begins the same labels as the drawn
one (a space, another cut of the same letters) is taken to go on like it. What is left is divided by its sum:
the probabilities are those among the labels, given that one of them is written.

Promise: probabilities of all labels with sum 1, or None where they cannot be known: no distribution is
stored, the answer is no label, or more than `UNTOLD` of them is with tokens that may begin several labels
(half of a character's bytes, too). A label that none of the stored tokens begins has 0: it is less likely
than all that are stored. Not promised: what the model would give a label by other spellings of it.
"""

import math
from collections.abc import Callable, Mapping, Sequence

UNTOLD = 0.01
_ROUNDING = 1e-3  # of a logprob: servers round, and work in bfloat16
_HALF = "\N{REPLACEMENT CHARACTER}"  # what a decoder writes for bytes that spell no character yet

Spell = Callable[[Sequence[int]], str]


def distribution(
    forms: Mapping[str, str],
    token_ids: Sequence[int] | None,
    topk_ids: Sequence[Sequence[int]] | None,
    topk_logprobs: Sequence[Sequence[float]] | None,
    spell: Spell,
) -> dict[str, float] | None:
    """Return the probability of each label. `forms` says how each is written, the lists are those of an
    answer (`factory.inference.request.Answer`, the table `generations`), `spell` gives the text of token ids
    without special tokens."""
    mass = dict.fromkeys(forms, 0.0)
    drawn, path, untold = list(token_ids or ()), 1.0, 0.0
    for place, columns in enumerate(zip(topk_ids or (), topk_logprobs or (), strict=False)):
        stored = dict(zip(*columns, strict=False))
        if place >= len(drawn) or drawn[place] not in stored or max(stored.values()) > _ROUNDING:
            return None
        before = drawn[:place]
        followed = _begun(forms, before, drawn[place], spell)
        if followed == frozenset():
            return None
        on = math.exp(stored.pop(drawn[place]))
        for token, logprob in stored.items():
            begun, share = _begun(forms, before, token, spell), math.exp(logprob)
            if begun is None:
                untold += path * share
            elif begun == followed:
                on += share
            elif len(begun) == 1:
                mass[next(iter(begun))] += path * share
            elif begun:
                untold += path * share
        path *= on
        if followed is not None and len(followed) == 1:
            mass[next(iter(followed))] += path
            total = sum(mass.values())
            known = total > 0 and untold <= UNTOLD * (total + untold)
            return {label: share / total for label, share in mass.items()} if known else None
    return None


def _begun(
    forms: Mapping[str, str], before: Sequence[int], token: int, spell: Spell
) -> frozenset[str] | None:
    """Return the labels that a token after others may be the beginning of; None where half a character hides
    which."""
    text, earlier = spell([*before, token]), spell(before)
    if text == earlier:  # a special token: the turn has ended
        return frozenset(label for label, form in forms.items() if text.strip() == form)
    text = text.lstrip()
    whole = text.rstrip(_HALF)
    begun = frozenset(
        label
        for label, form in forms.items()
        if form.startswith(whole) or (whole.startswith(form) and not whole[len(form) :].strip())
    )
    return None if begun and whole != text else begun
