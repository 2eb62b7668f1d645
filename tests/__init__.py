"""Tests mirror `factory/`: `tests/ROOM/test_NOUN.py` tests `factory/ROOM/NOUN.py` through its public door."""
