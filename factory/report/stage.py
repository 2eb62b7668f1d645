"""The pipeline's stage `report`: writes report.html and report.json of the current run."""

from factory.context.plan import Plan
from factory.context.stage import Stage, Step
from factory.store.store import Store


class ReportStage(Stage):
    """Writes the report; `detail` names a run to compare with."""

    name = "report"

    def owed(self, plan: Plan, store: Store, *, worked: bool) -> list[Step]:
        """Return one step if anything was done, or the current run has no report."""
        return [Step(self.name)] if worked or not _is_reported(plan, store) else []

    def run(self, plan: Plan, store: Store, detail: str) -> str:
        """Write the report and return its paths."""
        from factory.report.build import build_report

        return "\n  ".join(map(str, build_report(plan, store, detail or None)))


def _is_reported(plan: Plan, store: Store) -> bool:
    from factory.report.output import kept_report

    # An edited recipe is another run, even where it asks for no other work: another gate, a model made
    # earlier.
    (run,) = store.query("SELECT run_id FROM current_run")
    reports = plan.run.workspace.reports
    return (reports / "report.html").exists() and kept_report(reports, run["run_id"]).exists()
