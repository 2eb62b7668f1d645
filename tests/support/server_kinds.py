"""Servers as they are: what each of `docs/servers.md` refuses and how it answers, scripted."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.model_server import Reply, Server, completion

Body = dict[str, Any]
Say = Callable[[Body], str]
PLAIN = {"model", "messages", "temperature", "top_p", "max_tokens", "seed", "response_format", "tools"}
LOGPROBS = {"logprobs", "top_logprobs"}
TOKEN_IDS = {"return_token_ids", "return_tokens_as_token_ids", "ignore_eos"}
THOUGHT = "First I look at the numbers."


@dataclass(frozen=True)
class Kind:
    """One kind of server. `refuses` returns the reply to a question that it does not take; `says` puts a text
    into an answer as it does; `path` is the address's path in place of `/v1`; `models` is its list, else one
    that has the model; `thinks`: its model is one that does."""

    refuses: Callable[[Body], Reply | None]
    says: Callable[[Body, str], Body]
    path: str = "/v1"
    models: Reply | None = None
    owner: str = "somebody"
    thinks: bool = False
    key: bool = False
    plan: list[Reply] = field(default_factory=list)

    def server(self, say: Say) -> Server:
        """Return a server of this kind, whose model says that."""

        def reply(body: Body) -> Reply:
            return self.refuses(body) or (200, self.says(body, say(body)))

        return Server(owner=self.owner, models=self.models, always=reply, plan=list(self.plan))


def answered(body: Body, text: str | None, /, **choice: Any) -> Body:
    """Return a completion as vLLM's, without its token ids where it was not asked for them."""
    return completion(body | {"model": "tiny"}, text or "", **choice)


def message(text: Any, /, **more: Any) -> Body:
    return {"message": {"role": "assistant", "content": text, **more}}


def _extra(body: Body, known: set[str]) -> list[str]:
    return sorted(set(body) - known)


def _openai(body: Body) -> Reply | None:
    def error(said: str, param: str | None, code: str) -> Reply:
        about = {"message": said, "type": "invalid_request_error", "param": param, "code": code}
        return 400, {"error": about}

    known = (PLAIN - {"max_tokens"}) | LOGPROBS | {"max_completion_tokens", "max_tokens", "reasoning_effort"}
    if names := _extra(body, known):
        return error(
            f"Unrecognized request arguments supplied: {', '.join(names)}", None, "unknown_parameter"
        )
    if "max_tokens" in body:
        return error(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    for name in ("temperature", "top_p"):
        if body.get(name, 1) != 1:
            return error(
                f"Unsupported value: '{name}' does not support {body[name]} with this model. "
                "Only the default (1) value is supported.",
                name,
                "unsupported_value",
            )
    if "logprobs" in body:
        return error("You are not allowed to request logprobs from this model", None, "invalid_request")
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    if schema is not None and schema.get("type") != "object":
        return error(
            "Invalid schema for response_format 'answer': schema must be a JSON Schema of "
            f"'type: \"object\"', got 'type: \"{schema.get('type')}\"'.",
            "response_format",
            "invalid_json_schema",
        )
    return None


def _openai_says(body: Body, text: str) -> Body:
    said = answered(body, text, **message(_wrapped(body, text), refusal=None, annotations=[]))
    said["usage"]["completion_tokens_details"] = {"reasoning_tokens": 64}
    return said


def _wrapped(body: Body, text: str) -> str:
    """Return what a model writes that is held to a schema: the object around the text, where it has one."""
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    return (
        json.dumps({"answer": json.loads(text)}) if set(schema.get("properties", {})) == {"answer"} else text
    )


def _gemini(body: Body) -> Reply | None:
    if names := _extra(body, PLAIN - {"seed"}):
        said = "".join(
            f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.\n'
            for name in names[:1]
        )
        return 400, [{"error": {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}}]
    return None


def _mistral(body: Body) -> Reply | None:
    faults = [
        {
            "type": "extra_forbidden",
            "loc": ["body", name],
            "msg": "Extra inputs are not permitted",
            "input": True,
        }
        for name in _extra(body, PLAIN - {"seed"} | {"random_seed"})
    ]
    return (
        (422, {"object": "error", "message": {"detail": faults}, "type": "invalid_request"})
        if faults
        else None
    )


def _mistral_says(body: Body, text: str) -> Body:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
        {"type": "text", "text": text},
    ]
    return answered(body, "", **message(parts))


def _tgi(body: Body) -> Reply | None:
    def error(said: str) -> Reply:
        return 422, {"error": f"Input validation error: {said}", "error_type": "validation"}

    if body.get("top_p", 0.5) >= 1:
        return error("`top_p` must be > 0.0 and < 1.0")
    if body.get("top_logprobs", 0) > 5:
        return error(f"`top_logprobs` must be >= 0 and <= 5. Given: {body['top_logprobs']}")
    return None


def _lm_studio(body: Body) -> Reply | None:
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    if schema is not None and schema.get("type") != "object":
        return 400, {"error": "'response_format.json_schema.schema.type' must be 'object'"}
    return None


def _vllm(body: Body) -> Reply | None:
    if body.get("top_logprobs", 0) > 5:
        said = f"Requested sample logprobs of {body['top_logprobs']}, which is greater than max allowed: 5"
        return 400, {"error": {"message": said, "type": "BadRequestError", "param": None, "code": 400}}
    return None


def _fenced(body: Body, text: str) -> Body:
    json_asked = "response_format" in body
    return answered(body, f"```json\n{text}\n```" if json_asked else text, logprobs=None)


def _anything(body: Body) -> Reply | None:
    return None


def _listing(*names: str) -> Reply:
    return 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}


_PROVIDER = {
    "error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "upstream reset"}}
}
KINDS: dict[str, Kind] = {
    "OpenAI's newest models": Kind(_openai, _openai_says, owner="system"),
    "Azure": Kind(
        _openai,
        lambda body, text: _openai_says(body, text) | {"prompt_filter_results": []},
        path="/openai/deployments/tiny?api-version=2024-10-21",
        models=(404, {"error": {"code": "404", "message": "Resource not found"}}),
        key=True,
    ),
    "Gemini's compatible door": Kind(
        _gemini, _fenced, path="/v1beta/openai/", models=_listing("models/tiny", "models/other")
    ),
    "Mistral": Kind(_mistral, _mistral_says, thinks=True),
    "TGI": Kind(
        _tgi,
        lambda body, text: answered(body, text, finish_reason="eos_token"),
        models=(404, b""),
    ),
    "Ollama": Kind(
        _anything,
        lambda body, text: answered(body, text, logprobs=None, **message(text, reasoning=THOUGHT)),
        models=_listing("tiny:latest"),
        thinks=True,
    ),
    "llama.cpp's server": Kind(
        _anything,
        lambda body, text: (
            answered(body, text, **message(text, reasoning_content=THOUGHT)) | {"timings": {"predicted_n": 1}}
        ),
        models=_listing("/models/tiny-q4.gguf"),
        owner="llamacpp",
        thinks=True,
    ),
    "LM Studio": Kind(
        _lm_studio,
        lambda body, text: answered(body, f"<think>\n{THOUGHT}\n</think>\n\n{_wrapped(body, text)}"),
        owner="organization_owner",
        thinks=True,
    ),
    "vLLM with a reasoning parser": Kind(
        _vllm,
        lambda body, text: answered(body, text, **message(text, reasoning=THOUGHT, tool_calls=[])),
        owner="vllm",
        thinks=True,
    ),
    "OpenRouter": Kind(
        _anything,
        lambda body, text: answered(
            body, text, finish_reason="stop", native_finish_reason="STOP", **message(text, reasoning=THOUGHT)
        ),
        path="/api/v1/chat/completions",
        models=_listing(*(f"somebody/model-{number}" for number in range(300))),
        thinks=True,
        plan=[(200, _PROVIDER)],
    ),
    "a gateway with a cache": Kind(
        _anything,
        lambda body, text: (
            answered(body, text, finish_reason=None, logprobs={"content": [{"token": "a", "logprob": None}]})
            | {"usage": None, "cached": True}
        ),
        models=(200, b"<html>gateway</html>"),
    ),
    "Ray Serve": Kind(
        _vllm, lambda body, text: answered(body, text, stop_reason=None), owner="organization-owner"
    ),
}
