"""A model behind OpenAI-compatible servers (vLLM, a cluster behind Ray Serve, llm-d or Dynamo), asked in turn.

Promise: the same answers are stored as from a model in the process. Logprobs are kept where the server gives them; token ids where it is
vLLM, which can spell tokens as ids. A server that fails, hangs or talks nonsense is asked again with growing pauses, the attempts are
counted; a request that a server finds wrong (400, 413, 422) is an answer with the error `refused_400`; any other refusal is about the
whole run and stops it. What was answered by then is handed out first. The key is read from the environment for each run and never leaves
this module, not even where a server repeats it. Not promised: that a server's logprobs are taken before its grammar; vLLM's are taken
after it.
"""

import concurrent.futures
import itertools
import json
import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

import openai

from factory.errors import FactoryError
from factory.inference.request import Answer, Request

ATTEMPTS, FIRST_PAUSE, TIMEOUT = 5, 0.5, 300.0
_WRONG_REQUEST = frozenset({400, 413, 422})
_PASSING = frozenset({408, 409, 425, 429})


class _Nonsense(Exception):
    """A server answered with something that is no chat completion."""


class Endpoint:
    """Servers that all serve `model`. `concurrency` requests are in flight at once, over all servers together."""

    def __init__(self, model: str, urls: tuple[str, ...], *, api_key_env: str | None, concurrency: int):
        self._key = os.environ.get(api_key_env, "").strip() if api_key_env else ""
        if api_key_env and not self._key:
            raise FactoryError(f"the environment variable {api_key_env} (teacher.api_key_env) is not set", f"export {api_key_env}=…")
        if not (self._key.isascii() and self._key.isprintable()):
            raise FactoryError(f"the environment variable {api_key_env} (teacher.api_key_env) holds what cannot be a key")
        self._model = model
        self._concurrency = concurrency
        self._clients = [openai.OpenAI(base_url=url, api_key=self._key or "none", max_retries=0, timeout=TIMEOUT) for url in urls]
        self._is_vllm = [self._probe(client) for client in self._clients]

    def answer(self, requests: Iterable[Request | None]) -> Iterator[Answer]:
        """Yield answers as they end; FactoryError, after those that were in flight, if a server stays out of reach or refuses to work."""
        waiting, turn = iter(requests), itertools.cycle(range(len(self._clients)))
        failure: BaseException | None = None
        with concurrent.futures.ThreadPoolExecutor(self._concurrency) as pool:
            running: set[concurrent.futures.Future[Answer]] = set()
            try:
                while True:
                    while failure is None and len(running) < self._concurrency and (request := next(waiting, None)) is not None:
                        running.add(pool.submit(self._ask, request, next(turn)))
                    if not running:
                        break
                    done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                    failure = next((error for future in done if (error := future.exception())), failure)
                    yield from (future.result() for future in done if not future.exception())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        if failure is not None:
            raise failure

    def _probe(self, client: openai.OpenAI) -> bool:
        try:
            served = {str(model.id): model.owned_by for model in client.models.list().data}
        except openai.APIStatusError as error:
            raise self._stop(client, error) from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            raise FactoryError(f"{client.base_url} does not list its models: {self._told(error)}", "Is the server running there?") from None
        if self._model not in served:
            raise FactoryError(f"{client.base_url} serves {', '.join(served) or 'nothing'}, not {self._model}", "Mend teacher.model.")
        return "vllm" in served.values()

    def _ask(self, request: Request, index: int) -> Answer:
        started = time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            place = (index + attempt - 1) % len(self._clients)
            client = self._clients[place]
            try:
                completion = client.chat.completions.create(**self._arguments(request, is_vllm=self._is_vllm[place]))
                return _answer(request, completion, time.monotonic() - started, attempt)
            except openai.APIStatusError as error:
                if error.status_code in _WRONG_REQUEST:
                    name = f"refused_{error.status_code}"
                    return Answer(request.key, "", "error", 0, 0, time.monotonic() - started, attempts=attempt, error=name)
                if error.status_code < 500 and error.status_code not in _PASSING:
                    raise self._stop(client, error) from None
                failure = self._told(error)
            except (openai.APIConnectionError, openai.APIResponseValidationError, json.JSONDecodeError, _Nonsense) as error:
                failure = self._told(error)
            if attempt == ATTEMPTS:
                raise FactoryError(
                    f"{client.base_url} failed {ATTEMPTS} times: {failure}",
                    "What was answered is stored; run the same command again to go on.",
                )
            time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))

    def _stop(self, client: openai.OpenAI, error: openai.APIStatusError) -> FactoryError:
        if error.status_code in (401, 403):
            return FactoryError(f"{client.base_url} refuses the key: {self._told(error)}", "Look at teacher.api_key_env.")
        if error.status_code >= 500:
            return FactoryError(f"{client.base_url} fails: {self._told(error)}", "Is it ready? Its log may say more.")
        return FactoryError(f"{client.base_url} refuses to work: {self._told(error)}", "Look at teacher.endpoints and teacher.model.")

    def _told(self, error: Exception) -> str:
        """Return the first line of what went wrong, without the key, which some servers repeat."""
        text = str(error).replace(self._key, "…") if self._key else str(error)
        return (text.splitlines() or [type(error).__name__])[0][:300]

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
    try:
        return _read(request, completion, seconds, attempts)
    except (AttributeError, TypeError, LookupError) as error:
        raise _Nonsense(f"not a chat completion: {error}") from None


def _read(request: Request, completion: Any, seconds: float, attempts: int) -> Answer:
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
