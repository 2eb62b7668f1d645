"""The recipe's teacher as a model that answers: loaded into this process, or behind its servers."""

from factory.context.run import Run
from factory.inference.request import Model


def open_teacher(run: Run) -> Model:
    """Return the teacher, loaded or connected."""
    recipe = run.loaded.recipe.teacher
    if recipe.endpoints:
        from factory.inference.endpoint import Endpoint

        return Endpoint(
            recipe.model,
            recipe.endpoints,
            api_key_env=recipe.api_key_env,
            concurrency=recipe.concurrency,
            timeout_s=recipe.timeout_s,
            say=lambda text: run.progress.say(f"  {text}"),
            extra_body=recipe.extra_body,
        )
    from factory.inference.engine import Engine

    return Engine(
        run.teacher.folder,
        max_model_len=recipe.max_model_len,
        concurrency=recipe.concurrency,
        kv_cache_gb=recipe.kv_cache_gb,
    )
