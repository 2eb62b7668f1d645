"""A model behind OpenAI-compatible servers (vLLM, a cluster behind Ray Serve, llm-d or Dynamo), asked in turn.

Promise: the same answers are stored as from a model in the process. Logprobs are kept where the server gives them; token ids where it is
vLLM, which can spell tokens as ids. A server that fails or hangs is asked again with growing pauses, the attempts are counted; a request
that a server refuses (4xx) is an answer with the error `refused`. The key is read from the environment for each run and never leaves this
module. Not promised: that a server's logprobs are taken before its grammar; vLLM's are taken after it.
"""

import concurrent.futures
import itertools
import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

import openai

from factory.errors import FactoryError
from factory.inference.request import Answer, Request

ATTEMPTS, FIRST_PAUSE, TIMEOUT = 5, 0.5, 300.0


class Endpoint:
    """Servers that all serve `model`. `concurrency` requests are in flight at once, over all servers together."""

    def __init__(self, model: str, urls: tuple[str, ...], *, api_key_env: str | None, concurrency: int):
        key = os.environ.get(api_key_env, "") if api_key_env else "none"
        if not key:
            raise FactoryError(f"the environment variable {api_key_env} (teacher.api_key_env) is not set", f"export {api_key_env}=…")
        self._model = model
        self._concurrency = concurrency
        self._clients = [openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=TIMEOUT) for url in urls]
        self._is_vllm = [self._probe(client) for client in self._clients]

    def answer(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """Yield answers as they end; FactoryError if a server stays out of reach."""
        waiting, turn = iter(requests), itertools.cycle(range(len(self._clients)))
        with concurrent.futures.ThreadPoolExecutor(self._concurrency) as pool:
            running = {pool.submit(self._ask, request, next(turn)) for request in itertools.islice(waiting, self._concurrency)}
            try:
                while running:
                    done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                    running |= {pool.submit(self._ask, request, next(turn)) for request in itertools.islice(waiting, len(done))}
                    for future in done:
                        yield future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _probe(self, client: openai.OpenAI) -> bool:
        try:
            models = client.models.list().data
        except openai.OpenAIError as error:
            raise FactoryError(
                f"{client.base_url} does not answer: {_first_line(error)}", "Is the server running, and the key right?"
            ) from None
        if self._model not in (served := [model.id for model in models]):
            raise FactoryError(f"{client.base_url} serves {', '.join(served) or 'nothing'}, not {self._model}", "Mend teacher.model.")
        return any(model.owned_by == "vllm" for model in models)

    def _ask(self, request: Request, index: int) -> Answer:
        started = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            client = self._clients[(index + attempt - 1) % len(self._clients)]
            try:
                completion = client.chat.completions.create(
                    **self._arguments(request, is_vllm=self._is_vllm[(index + attempt - 1) % len(self._clients)])
                )
                return _answer(request, completion, time.monotonic() - started, attempt)
            except (openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError) as error:
                if attempt == ATTEMPTS:
                    raise FactoryError(
                        f"{client.base_url} failed {ATTEMPTS} times: {_first_line(error)}",
                        "What was answered is stored; run the same command again to go on.",
                    ) from None
                time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            except openai.AuthenticationError as error:
                raise FactoryError(f"{client.base_url} refuses the key: {_first_line(error)}", "Look at teacher.api_key_env.") from None
            except openai.APIStatusError as error:
                return Answer(
                    request.key, "", "error", 0, 0, time.monotonic() - started, attempts=attempt, error=f"refused_{error.status_code}"
                )
        raise AssertionError("unreachable")

    def _arguments(self, request: Request, *, is_vllm: bool) -> dict[str, Any]:
        sampling = request.sampling
        arguments: dict[str, Any] = {
            "model": self._model,
            "messages": request.messages,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": request.seed,
        }
        if sampling.logprobs:
            arguments |= {"logprobs": True, "top_logprobs": sampling.logprobs}
        if request.schema:
            arguments["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": request.schema}}
        if request.tools:
            arguments["tools"] = request.tools
        if is_vllm:
            arguments["extra_body"] = {"return_tokens_as_token_ids": True, "return_token_ids": True, "ignore_eos": request.ignore_eos}
        return arguments


def _answer(request: Request, completion: Any, seconds: float, attempts: int) -> Answer:
    choice, usage = completion.choices[0], completion.usage
    tokens = choice.logprobs.content if choice.logprobs and choice.logprobs.content else None
    topk_logprobs = [[top.logprob for top in token.top_logprobs] for token in tokens] if tokens else None
    topk_ids = [[_token_id(top.token) for top in token.top_logprobs] for token in tokens] if tokens else None
    known = topk_ids is not None and all(id is not None for ids in topk_ids for id in ids)
    return Answer(
        key=request.key,
        text=choice.message.content or "",
        finish_reason=choice.finish_reason or "unknown",
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
        seconds=seconds,
        token_ids=getattr(choice, "token_ids", None),
        token_logprobs=[token.logprob for token in tokens] if tokens else None,
        topk_ids=topk_ids if known else None,  # type: ignore[arg-type]
        topk_logprobs=topk_logprobs,
        attempts=attempts,
    )


def _token_id(token: str) -> int | None:
    name, _, number = token.rpartition(":")
    return int(number) if name == "token_id" and number.isdigit() else None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no answer"])[0][:300]
