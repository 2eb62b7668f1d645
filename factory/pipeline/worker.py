"""What runs in a child process: `python -m factory.pipeline.worker STAGE RECIPE WORKSPACE`, one heavy stage
at a time.

Promise: it dies with its parent, tells errors in one sentence, and enters time and peak memory of the stage
into the store.
"""

import sys
import time
import traceback
from pathlib import Path

from factory.context.context import Context
from factory.errors import FactoryError
from factory.inference.request import Model
from factory.models.artifact import verify
from factory.models.bundled import convert, converted_folder
from factory.recipe import load_recipe
from factory.store.store import Store
from factory.system.extras import missing_extra
from factory.system.machine import peak_memory
from factory.system.process import die_with_parent, interrupt_once
from factory.system.progress import Progress
from factory.workspace import Workspace


def run_stage(stage: str, context: Context, store: Store, detail: str) -> str:
    """Run one stage and return the line that sums it up."""
    if stage == "generate":
        from factory.generate.stage import generate

        return generate(context, store, lambda: teacher(context), most_tasks=int(detail) if detail else None)
    if stage == "distill":
        from factory.student.train import train

        return train(context, store)
    if stage == "compress":
        from factory.compress.stage import compress

        return compress(context, store)
    if stage == "recover":
        from factory.student.recover import recover

        return recover(context, store)
    if stage == "evaluate":
        return _evaluate(context, store, detail.split())
    raise ValueError(stage)


def _evaluate(context: Context, store: Store, roles: list[str]) -> str:
    from factory.evaluate.candidate import candidates
    from factory.evaluate.measure import measure

    asked = [candidate for candidate in candidates(context, store) if candidate.role in roles]
    if asked[0].role == "teacher" and context.loaded.recipe.teacher.endpoints:
        return measure(context, store, asked[0], teacher(context), local=False)
    from factory.inference.engine import Engine

    if asked[0].folder.is_relative_to(context.workspace.models):
        verify(asked[0].folder)
    recipe = context.loaded.recipe.teacher
    engine = Engine(
        asked[0].folder, max_model_len=recipe.max_model_len, concurrency=32, kv_cache_gb=recipe.kv_cache_gb
    )
    return "\n  ".join(measure(context, store, candidate, engine) for candidate in asked)


def teacher(context: Context) -> Model:
    """Return the recipe's teacher, loaded or connected."""
    recipe = context.loaded.recipe.teacher
    if recipe.endpoints:
        from factory.inference.endpoint import Endpoint

        return Endpoint(
            recipe.model,
            recipe.endpoints,
            api_key_env=recipe.api_key_env,
            concurrency=recipe.concurrency,
            timeout_s=recipe.timeout_s,
            say=lambda text: context.progress.say(f"  {text}"),
        )
    from factory.inference.engine import Engine

    return Engine(
        context.teacher.folder,
        max_model_len=recipe.max_model_len,
        concurrency=recipe.concurrency,
        kv_cache_gb=recipe.kv_cache_gb,
    )


def main() -> int:
    """Run the stage that the arguments name and return the exit code."""
    die_with_parent()
    interrupt_once()
    stage, *arguments = sys.argv[1:]
    progress = Progress()
    try:
        if stage == "convert":
            convert(arguments[0], converted_folder(arguments[0]))
            return 0
        recipe, workspace, detail = arguments
        context = Context(load_recipe(Path(recipe)), Workspace(Path(workspace)), progress)
        with Store(context.workspace.store, context.workspace.ledger) as store:
            started = time.monotonic()
            summary = run_stage(stage, context, store, detail)
            (run,) = store.query("SELECT run_id FROM current_run")
            store.commit(
                stages=[
                    {
                        "run_id": run["run_id"],
                        "stage": f"{stage} {detail}".strip(),
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
        if isinstance(error, ModuleNotFoundError) and (missing := missing_extra(error, f"the stage {stage}")):
            progress.say(f"error: {missing}")
            return missing.exit_code
        traceback.print_exc()
        progress.say(
            f"error: the stage {stage} failed: {type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}"
        )
        return 1


if __name__ == "__main__":
    sys.exit(main())
