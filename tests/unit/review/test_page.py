"""The review page in a real browser: search, open, reject, edit, undo, reload; and nothing in a sample
acts."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from typer.testing import CliRunner

from factory.cli.main import app
from factory.review.server import ReviewServer
from factory.workspace import Workspace
from tests.support.browser import CHROMIUM, FLAGS
from tests.support.review_workspace import reviewed, training

pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="the review page in a browser: install one (apt-get install chromium), or name it in $CHROMIUM",
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return reviewed(tmp_path / "w")


@pytest.fixture
def server(workspace: Workspace) -> Iterator[ReviewServer]:
    with ReviewServer(workspace) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def page(server: ReviewServer) -> Iterator["Page"]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1200, "height": 800})
        asked: list[str] = []
        faults: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.goto(server.url)
        opened.wait_for_selector("#rows li[aria-current=true]")
        opened.wait_for_selector("#detail h2")
        yield Page(opened)
        assert all(url.startswith(f"http://{server.host}/") for url in asked), "nothing leaves the machine"
        assert faults == []
        assert opened.evaluate("window.harmed") is None
        browser.close()


class Page:
    """The page, as a person works it."""

    def __init__(self, page):  # type: ignore[no-untyped-def]
        self.page = page

    def search(self, text: str, count: int) -> None:
        self.page.keyboard.press("/")
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self.counts(count)
        self.page.keyboard.press("Escape")

    def state(self, text: str) -> None:
        """Wait until the sample that is shown is in this state."""
        expect(self.page.locator("#detail .state")).to_have_text(text)

    def notice(self, text: str) -> None:
        expect(self.page.locator("#notice")).to_have_text(text)

    def counts(self, count: int) -> None:
        """Wait until the list has so many samples."""
        expect(self.page.locator("#rows li")).to_have_count(count)

    def rows(self) -> list[str]:
        return [row.inner_text() for row in self.page.query_selector_all("#rows .question")]


def test_search_open_reject_edit_undo_reload(page: Page, workspace: Workspace, tmp_path: Path) -> None:
    browser = page.page
    page.search("19 and 27", 1)
    page.state("accepted by the checks")
    browser.keyboard.press("r")
    browser.wait_for_selector("#reject[open]")
    browser.fill("#reject-reason", "unclear_question")
    browser.fill("#reject-note", "add where to?")
    browser.click("#reject button.bad")
    page.notice("rejected")
    page.state("rejected by a person")
    page.search("7 + 8", 1)
    page.state("rejected by the checks")
    browser.keyboard.press("e")
    browser.wait_for_selector("#edit[open]")
    browser.fill("#fields [data-name=call]", '{"name": "calculator", "arguments": {"expression": "7 +"}}')
    browser.click("#edit button.good")
    expect(browser.locator("#edit-error")).to_contain_text("tool_error")
    browser.fill("#fields [data-name=call]", '{"name": "calculator", "arguments": {"expression": "7 + 8"}}')
    browser.click("#edit button.good")
    page.notice("saved as a new sample")
    page.state("accepted by a person")
    page.search("2 + 3", 1)
    browser.keyboard.press("a")
    page.notice("accepted")
    page.state("accepted by a person")
    browser.keyboard.press("u")
    page.notice("undone")
    page.state("accepted by the checks")
    browser.reload()
    browser.wait_for_selector("#rows li:nth-child(5)")
    assert page.rows()[:2] == ["What is 2 + 3?", "Add 19 and 27."]
    rows = training(workspace)
    assert [(row["position"], row["result"]) for row in rows] == [(0, "5"), (2, "2"), (3, "15")]
    done = CliRunner().invoke(
        app, ["export", "-w", str(workspace.root), "--format", "jsonl", "-o", str(tmp_path / "out.jsonl")]
    )
    assert done.exit_code == 0, done.output
    exported = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert "The answer is 15." in exported
    assert "19 and 27" not in exported


def test_nothing_is_said_of_a_sample_that_is_not_on_screen_yet(page: Page, workspace: Workspace) -> None:
    browser = page.page
    before = training(workspace)
    held: list[object] = []
    browser.route("**/api/sample?*", lambda route: held.append(route))
    browser.keyboard.press("j")
    expect(browser.locator("#rows li:nth-child(2)")).to_have_attribute("aria-current", "true")
    for key in "eraru":
        browser.keyboard.press(key)
        page.notice("that sample is still being read")
    assert browser.query_selector("dialog[open]") is None
    assert training(workspace) == before
    browser.unroute("**/api/sample?*")
    browser.keyboard.press("k")
    expect(browser.locator("#detail h2")).to_contain_text("Sample #0")


def test_harmful_text_is_shown_and_does_nothing(page: Page) -> None:
    page.search("script", 1)
    expect(page.page.locator("#detail")).to_contain_text("<script>window.harmed")
    shown = page.page.inner_text("#detail")
    assert "␛[31m" in shown and "[U+202E]" in shown and '=HYPERLINK("http://x")' in shown
    assert page.page.query_selector("#detail script, #detail img") is None
    page.page.keyboard.press("e")
    page.page.wait_for_selector("#edit[open]")
    assert page.page.query_selector("#edit script, #edit img") is None
    page.page.keyboard.press("Escape")


def test_keys_move_and_alternatives_are_shown(page: Page) -> None:
    browser = page.page
    browser.keyboard.press("j")
    expect(browser.locator("#detail h2")).to_contain_text("Sample #1")
    browser.keyboard.press("k")
    expect(browser.locator("#detail h2")).to_contain_text("Sample #0")
    browser.hover(".tokens span")
    tip = browser.inner_text("#tip")
    assert "60.7 %" in tip and "22.3 %" in tip and "(drawn)" in tip
    browser.keyboard.press("?")
    browser.wait_for_selector("#help[open]")
    browser.keyboard.press("Escape")


def test_the_list_follows_the_state_and_the_order(page: Page) -> None:
    browser = page.page
    browser.click("#states button:has-text('rejected')")
    page.counts(1)
    assert page.rows() == ["What is 7 + 8?"]
    browser.click("#states button:has-text('all')")
    browser.select_option("#sort", "uncertainty")
    page.counts(4)


def test_it_fits_a_small_screen(page: Page) -> None:
    page.page.set_viewport_size({"width": 390, "height": 800})
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
