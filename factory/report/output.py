"""The two files of a report on disk, each written atomically.

Promise: both are rendered before either is touched; each is written beside its target, flushed to the disk
and renamed over it. Not promised: that the pair changes in one step. A crash between the two renames leaves a
new page beside an old `report.json`.
"""

from pathlib import Path

from factory.errors import FactoryError
from factory.report.model import Report
from factory.report.page import render_page
from factory.system.atomic import replacing


def write_report(report: Report, folder: Path, run: str = "") -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into `folder`, made if need be; return both paths. Raise
    FactoryError if the disk refuses.

    With a run's id, `kept_report` is written beside them, for later runs to be compared with.
    """
    page, data = render_page(report), report.model_dump_json(indent=2) + "\n"
    targets = folder / "report.html", folder / "report.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, text in zip(targets, (page, data), strict=True):
            _replace(target, text)
        if run:
            _replace(kept_report(folder, run), data)
    except OSError as error:
        raise FactoryError(
            f"The report cannot be written to {folder}: {error.strerror}",
            "Make room there, or name another folder.",
        ) from error
    return targets


def kept_report(folder: Path, run: str) -> Path:
    """Return where the report of a run is kept."""
    return folder / f"run-{run.removeprefix('b2:')[:16]}.json"


def _replace(target: Path, text: str) -> None:
    with replacing(target) as staging:
        staging.write_text(text, encoding="utf-8", newline="\n")
