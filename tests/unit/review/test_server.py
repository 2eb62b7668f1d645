"""The review's server: who is answered, and with what."""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from factory.review.server import LARGEST_BODY, ReviewServer
from factory.store.store import Store
from factory.workspace import Workspace
from tests.support.review_workspace import HARM, reviewed, training


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return reviewed(tmp_path)


@pytest.fixture
def server(workspace: Workspace) -> Iterator[ReviewServer]:
    with ReviewServer(workspace) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def ask(
    server: ReviewServer,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    token: str | None = None,
    **headers: str,
) -> tuple[int, Any]:
    """Send a request as the page does, headers changed as named, and return status and body."""
    sent = {"X-Review-Token": server.token if token is None else token} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    if body is not None:
        sent = {"Content-Type": "application/json"} | sent
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    connection.request(method, path, body, {name: value for name, value in sent.items() if value})
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer.status, json.loads(
        read
    ) if answer.headers.get_content_type() == "application/json" else read.decode()


def post(server: ReviewServer, path: str, value: Any, **changed: Any) -> tuple[int, Any]:
    return ask(server, path, method="POST", body=json.dumps(value).encode(), **changed)


def test_the_page_needs_nothing_from_elsewhere(server: ReviewServer) -> None:
    for name in ("/", "/review.js", "/review.css"):
        status, text = ask(server, f"{name}?token={server.token}", token="")
        assert status == 200
        assert "http://" not in text and "https://" not in text and "//cdn" not in text


@pytest.mark.parametrize(
    "path", ["/", "/review.js", "/api/overview", "/api/samples", "/api/sample?id=b2:sample0"]
)
def test_without_the_token_nothing_is_told(server: ReviewServer, path: str) -> None:
    for token in ("", "x", server.token[:-1], "ü"):
        status, answer = ask(server, path, token=token.encode().decode("latin-1"))
        assert status == 403
        assert set(answer) == {"error"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost"}, 421),
    ],
)
def test_other_pages_and_other_names_are_refused_even_with_the_token(
    server: ReviewServer, headers: dict[str, str], status: int
) -> None:
    assert ask(server, "/api/overview", **headers)[0] == status
    assert (
        post(
            server,
            "/api/verdict",
            {"id": "b2:sample0", "passed": False, "reason": "odd", "note": ""},
            **headers,
        )[0]
        == status
    )


def test_nothing_is_written_by_what_is_refused(server: ReviewServer, workspace: Workspace) -> None:
    before = training(workspace)
    word = {"id": "b2:sample0", "passed": False, "reason": "odd", "note": ""}
    assert post(server, "/api/verdict", word, token="x")[0] == 403
    assert post(server, "/api/verdict", word, Content_Type="text/plain")[0] == 415
    assert ask(server, "/api/verdict")[0] == 404
    assert (
        ask(server, "/api/verdict", method="POST", body=b"{", Content_Length=str(LARGEST_BODY + 1))[0] == 413
    )
    assert ask(server, "/api/verdict", method="POST", body=b"[" * 100_000)[0] == 400
    assert post(server, "/api/verdict", [word])[0] == 400
    assert post(server, "/api/verdict", word | {"reason": 5})[0] == 400
    assert post(server, "/api/edit", {"id": "b2:sample0", "changes": {"question": 5}})[0] == 400
    assert ask(server, "/api/overview", method="DELETE")[0] == 501
    assert training(workspace) == before


@pytest.mark.parametrize(
    "path",
    [
        "/../server.py",
        "/%2e%2e/server.py",
        "/page/index.html",
        "/api/../samples.py",
        "//etc/passwd",
        "/api/sample",
    ],
)
def test_no_other_file_is_served(server: ReviewServer, path: str) -> None:
    status, answer = ask(server, path)
    assert status in (400, 404)
    assert set(answer) == {"error"}


def test_overview_filters_search_and_order(server: ReviewServer) -> None:
    _, overview = ask(server, "/api/overview")
    assert overview["counts"] == {"all": 4, "accepted": 3, "rejected": 1, "undecided": 0, "person": 0}
    words = "the result differs from the reference"
    found_one = {"check_name": "agreement", "reason": "wrong_result", "samples": 1, "sentence": words}
    assert overview["reasons"] == [found_one]
    assert {"reason": "off_task", "sentence": "does not do what was asked"} in overview["suggested"]

    def found(query: str) -> list[int]:
        status, page = ask(server, f"/api/samples?{query}")
        assert status == 200, page
        assert page["total"] == len(page["rows"])
        return [row["position"] for row in page["rows"]]

    assert found("") == [0, 1, 2, 3]
    assert found("state=rejected") == found("reason=agreement/wrong_result") == [3]
    assert found("q=ADD%2019") == [1]
    assert found("q=%25") == [], "no wildcard"
    assert found("q='%20OR%201=1%20--") == []
    assert found("language=en&family=sum&kind=tool_call&q=7") == [1, 3]
    assert sorted(found("sort=uncertainty")) == sorted(found("sort=score")) == [0, 1, 2, 3]
    assert ask(server, "/api/samples?offset=3")[1]["rows"][0]["position"] == 3
    for wrong in ("state=x", "sort=position;DROP", "offset=-1", "offset=a"):
        assert ask(server, f"/api/samples?{wrong}")[0] == 400


def test_a_sample_with_its_pedigree(server: ReviewServer) -> None:
    status, detail = ask(server, "/api/sample?id=b2:sample2")
    assert status == 200
    assert detail["seed"]["name"] == "s1"
    assert detail["answer"]["teacher"] == "teacher-a"
    assert [token["text"] for token in detail["tokens"]] == ["[5]", "[6]"]
    assert detail["tokens"][0]["top"] == [{"text": "[5]", "logprob": -0.5}, {"text": "[7]", "logprob": -1.5}]
    assert detail["raw"]["question"] == HARM
    assert "\x1b" not in json.dumps(detail["sample"], ensure_ascii=False)
    assert "\u202e" not in detail["sample"]["question"]
    assert ask(server, "/api/sample?id=nobody")[0] == 400


def test_a_reason_is_said_in_words_wherever_it_is_shown(workspace: Workspace) -> None:
    with duckdb.connect(workspace.store) as store:
        store.execute(
            "UPDATE samples SET fault = 'not_json', result = NULL, answer = NULL, messages = NULL "
            "WHERE sample_id = 'b2:sample3'"
        )
    with ReviewServer(workspace) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _, detail = ask(server, "/api/sample?id=b2:sample3")
        _, page = ask(server, "/api/samples?state=rejected")
        server.shutdown()
    assert detail["sample"]["fault"] == "the answer is not JSON (not_json)"
    assert [verdict["sentence"] for verdict in detail["verdicts"]] == [
        "passed",
        "the result differs from the reference",
    ]
    (row,) = page["rows"]
    assert row["outcome"] == "the answer is not JSON"


def test_a_store_that_is_being_written_is_told_as_busy_and_answers_afterwards(
    server: ReviewServer, workspace: Workspace
) -> None:
    with Store(workspace.store, workspace.ledger), workspace.lock():
        word = {"id": "b2:sample0", "passed": True, "reason": "ok", "note": ""}
        assert post(server, "/api/verdict", word)[0] == 503
    assert post(server, "/api/verdict", word)[0] == 200
    assert ask(server, "/api/overview")[1]["counts"]["person"] == 1


def test_a_store_without_a_run_says_so(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with Store(workspace.store, workspace.ledger):
        pass
    with ReviewServer(workspace) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert ask(server, "/api/overview") == (400, {"error": "there is no run in this store yet"})
        server.shutdown()
