"""Split of seeds into train and validation.

Promise: the side follows from the seed's id and the share alone, so that all samples of a seed are on one
side, whatever store, order or machine they are exported from; a greater share only adds seeds to validation.
Not promised: the exact share. Seeds are drawn one by one, so a handful of them can miss it by far.
"""

import hashlib

TRAIN, VALIDATION = "train", "validation"


def side(seed_id: str, validation: float) -> str:
    """Return `train` or `validation`; `validation` is the expected share of seeds there, from 0 to below
    1."""
    digest = hashlib.blake2b(seed_id.encode(), digest_size=8, person=b"factory.split").digest()
    return VALIDATION if int.from_bytes(digest) / 2**64 < validation else TRAIN
