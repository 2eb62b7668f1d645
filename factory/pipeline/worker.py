"""What runs in a child process: `python -m factory.pipeline.worker STAGE RECIPE WORKSPACE DETAIL`, one heavy
step at a time.

Promise: it dies with its parent, reports errors in one sentence, and enters time and peak memory of the step
into the store.
"""

import sys
import time
import traceback
from pathlib import Path

from factory.context.plan import Plan
from factory.context.run import Run
from factory.errors import FactoryError
from factory.models.bundled import convert, converted_folder
from factory.pipeline.child import CONVERT
from factory.pipeline.stages import load_stage
from factory.recipe import load_recipe
from factory.store.store import Store
from factory.system.extras import missing_extra
from factory.system.machine import peak_memory
from factory.system.os_error import refused
from factory.system.process import die_with_parent, interrupt_once
from factory.system.progress import Progress
from factory.workspace import Workspace


def main() -> int:
    """Run the job that the arguments name and return the exit code."""
    die_with_parent()
    interrupt_once()
    job, *arguments = sys.argv[1:]
    progress = Progress()
    try:
        if job == CONVERT:
            convert(arguments[0], converted_folder(arguments[0]))
            return 0
        recipe, workspace, detail = arguments
        run = Run(load_recipe(Path(recipe)), Workspace(Path(workspace)), progress)
        with Store(run.workspace.store, run.workspace.ledger) as store:
            started = time.monotonic()
            summary = load_stage(job).run(Plan(run), store, detail)
            (current,) = store.query("SELECT run_id FROM current_run")
            store.commit(
                stages=[
                    {
                        "run_id": current["run_id"],
                        "stage": f"{job} {detail}".strip(),
                        "seconds": time.monotonic() - started,
                        "peak_memory_bytes": peak_memory(),
                        "detail": summary,
                    }
                ]
            )
        progress.say(f"  {summary}")
        return 0
    except KeyboardInterrupt:
        return 130
    except FactoryError as error:
        progress.say(f"error: {error}")
        return error.exit_code
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and (missing := missing_extra(error, f"the stage {job}")):
            progress.say(f"error: {missing}")
            return missing.exit_code
        traceback.print_exc()
        if (told := refused(error)) is not None:
            progress.say(f"error: the stage {job}: {told}")
            return told.exit_code
        first = (str(error).splitlines() or [""])[0][:300]
        progress.say(f"error: the stage {job} failed: {type(error).__name__}: {first}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
