"""A store that holds the ids of accepted samples and nothing else, for tests of what follows from them."""

from collections.abc import Sequence
from typing import Any

from factory.store.store import Row, Store


class SampleIds(Store):
    """Answers the question for the training set with the ids it was given, every other one with nothing."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = list(ids)

    def query(self, sql: str, parameters: Any = None) -> list[Row]:
        return [{"sample_id": sample} for sample in self._ids] if "FROM training_set" in sql else []
