"""Choice of the next trial by Optuna's tree-structured Parzen estimator, for several objectives and limits.

Source: Watanabe, 2023, arXiv 2304.11127.

Promise: the same trials and seed ask for the same next one, so that an interrupted search continues as it
would have; no combination is asked for twice, and when all are tried there is no next.
"""

import itertools
import random
import warnings
from typing import Any

import optuna

_RANDOM_FIRST = 4
_DRAWS = 64

Choice = dict[str, Any]


class Study:
    """Choices from `space` (name to values); accuracy is to be high, bytes and seconds low."""

    def __init__(self, space: dict[str, tuple[Any, ...]], seed: int):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._seed = seed
        self._distributions = {
            name: optuna.distributions.CategoricalDistribution(list(values)) for name, values in space.items()
        }
        self._tried: list[Choice] = []
        self._trials: list[tuple[Choice, tuple[float, float, float] | None, dict[str, float]]] = []

    def tell(self, choice: Choice, values: tuple[float, float, float] | None, over: dict[str, float]) -> None:
        """Enter a trial: accuracy, bytes and seconds, None if it failed; `over` is by how much it exceeds
        each limit."""
        self._tried.append(choice)
        self._trials.append((choice, values, over))

    def ask(self) -> Choice | None:
        """Return the next combination, None if all were tried."""
        left = [choice for choice in self._all() if choice not in self._tried]
        if not left:
            return None
        if len(self._tried) < _RANDOM_FIRST:
            return self._chance().choice(left)
        study = self._study()
        for _ in range(_DRAWS):
            trial = study.ask(self._distributions)
            choice = {name: trial.params[name] for name in self._space}
            if choice in left:
                return choice
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        # TPE keeps proposing tried points.
        return self._chance().choice(left)

    def _chance(self) -> random.Random:
        return random.Random(f"{self._seed} {len(self._tried)}")

    def _all(self) -> list[Choice]:
        return [
            dict(zip(self._space, values, strict=True)) for values in itertools.product(*self._space.values())
        ]

    def _study(self) -> optuna.Study:
        with warnings.catch_warnings():
            # Optuna calls it experimental that choices are weighed together, and not each by itself.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                seed=self._chance().getrandbits(31), n_startup_trials=_RANDOM_FIRST, multivariate=True
            )
        study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=sampler)
        for choice, values, over in self._trials:
            study.enqueue_trial(choice)
            trial = study.ask(self._distributions)
            for name, amount in over.items():
                trial.set_constraint(name, amount)
            study.tell(trial, values, state=None if values is not None else optuna.trial.TrialState.FAIL)
        return study
