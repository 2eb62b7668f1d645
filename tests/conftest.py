"""What every test shares, and what a person is told at the end of all."""

from collections import Counter

import pytest
from hypothesis import settings

# A busy machine is no fault of an example: hypothesis' own limit of 200 ms each would make it one. The same
# examples each time, so that what passed here passes there; `--hypothesis-profile=explore` tries new ones.
settings.register_profile("factory", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("factory")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested, and how to have it tested: the reason of a skip has to hold both."""
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("not tested", yellow=True)
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count} skipped: {reason}")
