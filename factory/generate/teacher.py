"""The recipe's teacher as a model that answers: loaded into this process, or behind its servers."""

import itertools
from typing import Any

from factory.context.run import Run
from factory.inference.request import Model
from factory.tools.load import read_tool_file


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
            tools=_tools(run) if recipe.calls == "native" else None,
        )
    from factory.inference.engine import Engine

    return Engine(
        run.teacher.folder,
        max_model_len=recipe.max_model_len,
        concurrency=recipe.concurrency,
        kv_cache_gb=recipe.kv_cache_gb,
    )


def _tools(run: Run) -> list[dict[str, Any]]:
    """Return the recipe's tools as a server is shown them."""
    named = (source.kind.tool_file(source.data) for source in run.loaded.recipe.sources)
    files = dict.fromkeys(file for file in named if file)
    read = [read_tool_file(run.loaded.resolve(file)).tools for file in files]
    return [tool.model_dump() for tool in itertools.chain.from_iterable(read)]
