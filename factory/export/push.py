"""Push to the Hugging Face Hub: one commit, after every large file has arrived.

Promise: what is sent are the files of a parcel and nothing else. Until the one commit at the end nothing of
them can be seen, however the connection ends; the same command goes on, and what has arrived is not sent
again. A repository is made private, and one that others can read is left alone, unless it is to be public.
Files that a repository has and the parcel has not go only when they are to be replaced, in the same commit.
The token is `huggingface_hub`'s, from `HF_TOKEN` or a login: nothing here keeps or shows it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

from factory.errors import FactoryError, InputError
from factory.export.parcel import Parcel
from factory.text.visible import escape_hidden, truncate

_ITS_OWN = {".gitattributes"}  # the Hub's, in every repository
_AGAIN = (
    "Either all of it is there or nothing. Run the same command again: what has arrived is not sent again."
)


@dataclass(frozen=True)
class Order:
    """Where to: a repository (owner/name), whether all may read it, whether other files there go."""

    repository: str
    public: bool = False
    replace: bool = False


def push(parcel: Parcel, order: Order) -> str:
    """Send a parcel and return the address of its commit."""
    token = get_token()
    if token is None:
        raise InputError(
            "there is no token for the Hugging Face Hub here", "Log in with: hf auth login; or set HF_TOKEN."
        )
    api = HfApi(token=token)
    with _told(order, token):
        there = _files_there(api, parcel, order)
        strange = sorted(there - set(parcel.files) - _ITS_OWN)
        if strange and not order.replace:
            raise InputError(
                f"{order.repository} holds what this push does not bring ({len(strange)} files, such as "
                f"{strange[0]})",
                "Remove them in the same commit with --replace, or name another repository.",
            )
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            *(CommitOperationAdd(name, held) for name, held in sorted(parcel.files.items())),
            *(CommitOperationDelete(name) for name in strange),
        ]
        done = api.create_commit(
            order.repository, operations, commit_message=f"{parcel.name}, by distill-factory",
            repo_type=parcel.kind,
        )  # fmt: skip
        return str(done.commit_url)


def _files_there(api: HfApi, parcel: Parcel, order: Order) -> set[str]:
    """Return the names of the files in the repository, which is made where there is none."""
    try:
        known = api.repo_info(order.repository, repo_type=parcel.kind)
    except RepositoryNotFoundError:
        api.create_repo(order.repository, repo_type=parcel.kind, private=not order.public, exist_ok=True)
        return set()
    if not known.private and not order.public:
        raise InputError(
            f"all may read {order.repository}", "Say so with --public, or name another repository."
        )
    return {one.rfilename for one in getattr(known, "siblings", None) or ()}


@contextmanager
def _told(order: Order, token: str) -> Iterator[None]:
    """Turn what the Hub and the connection answer into one sentence without the token."""
    try:
        yield
    except HFValidationError as error:
        raise InputError(f"{order.repository} is no name of a repository: {_line(error, token)}") from None
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status == 401:
            raise InputError(
                "the Hub does not accept the token",
                "It may be mistyped or withdrawn. Make one that may write, and log in with: hf auth login.",
            ) from None
        if status in (403, 404):
            raise InputError(
                f"the token may not write to {order.repository}",
                "Its owner can allow it, or name a repository of your own.",
            ) from None
        said = _line(error.server_message or error, token)
        raise FactoryError(f"the Hub refused {order.repository} ({status}): {said}", _AGAIN) from None
    except (httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        # What sends large files wraps what happened to one of them.
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        lost = isinstance(cause, httpx2.HTTPError | OSError) and not isinstance(cause, HfHubHTTPError)
        what = "the connection to the Hub was lost" if lost else f"the Hub refused {order.repository}"
        raise FactoryError(f"{what}: {_line(cause, token)}", _AGAIN) from None


def _line(error: object, token: str) -> str:
    """Return the first line of a message, short and without the token."""
    told = str(error).replace(token, "…").strip()
    return truncate(escape_hidden(told.splitlines()[0] if told else type(error).__name__), 200)
