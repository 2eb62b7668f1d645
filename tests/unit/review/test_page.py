"""The review page in a real browser: search, open, reject, edit, undo, reload; nothing in a sample acts, and
a key acts on what is shown."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect, sync_playwright
from typer.testing import CliRunner

from factory.cli.main import app
from factory.review.server import ReviewServer
from factory.workspace import Workspace
from tests.support.browser import CHROMIUM, FLAGS
from tests.support.review_workspace import reviewed, training
from tests.support.sample_rows import open_store

pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="the review page in a browser: install one (apt-get install chromium), or name it in $CHROMIUM",
)


PATIENCE = 120_000  # milliseconds: other work on the machine fails no test
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        yield opened
        opened.close()


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
def page(server: ReviewServer, browser: Browser) -> Iterator["Page"]:
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    context.set_default_timeout(PATIENCE)
    asked: list[str] = []
    faults: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    opened = context.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    page = Page(opened)
    page.open(server)
    yield page
    assert all(url.startswith(f"http://{server.host}/") for url in asked), "nothing leaves the machine"
    assert faults == []
    assert opened.evaluate("window.harmed") is None
    context.close()


class Page:
    """The page, as a person works it."""

    def __init__(self, page):  # type: ignore[no-untyped-def]
        self.page = page

    def open(self, server: ReviewServer) -> None:
        self.page.goto(server.url)
        self.page.wait_for_selector("#rows li[aria-current=true]")
        self.page.wait_for_selector("#detail h2")

    def hold(self, path: str) -> list[Route]:
        """Keep back what the page asks there, until it is let go."""
        held: list[Route] = []
        self.page.route(path, lambda route: held.append(route))
        return held

    def let_go(self, held: list[Route], path: str) -> None:
        """Answer what was kept back, and what comes later."""
        for route in held:
            route.continue_()
        self.page.unroute(path)

    def press(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def shows(self, number: int) -> None:
        """Wait until this sample is on screen, and chosen in the list where that has it."""
        expect(self.page.locator("#detail h2")).to_contain_text(f"Sample #{number}")

    def judged(self, text: str) -> None:
        """Wait until the dialog shows a verdict on the edit."""
        expect(self.page.locator("#judged")).to_contain_text(text)

    def search(self, text: str, count: int) -> None:
        self.page.keyboard.press("/")
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self.counts(count)
        # The sample before it stays on the screen until this one is read.
        expect(self.page.locator("#detail .turn").first).to_contain_text(text, timeout=30_000)
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


def people_said(workspace: Workspace) -> list[tuple[str, str]]:
    """Return samples and reasons of what people said, in order."""
    with open_store(workspace) as store:
        rows = store.query(
            "SELECT sample_id, reason FROM verdicts WHERE check_name = 'person' "
            "ORDER BY batch, check_key, reason"
        )
    return [(row["sample_id"], row["reason"]) for row in rows]


def test_escape_leaves_the_search_as_it_is_and_no_key_acts_before_its_list_is_there(
    page: Page, workspace: Workspace
) -> None:
    held = page.hold("**/api/samples?*")
    page.press("/")
    page.page.keyboard.type("7 + 8")
    page.press(["Escape", "a", "r", "u"])
    page.notice("the list is still being read")
    assert page.page.input_value("#q") == "7 + 8"
    assert people_said(workspace) == [] and page.page.query_selector("dialog[open]") is None
    page.let_go(held, "**/api/samples?*")
    page.counts(1)
    page.shows(3)
    page.press("a")
    page.notice("accepted")
    assert people_said(workspace) == [("b2:sample3", "ok")]
    assert page.rows() == ["What is 7 + 8?"] and page.page.input_value("#q") == "7 + 8"


def test_of_two_searches_the_last_is_shown_whichever_is_answered_last(page: Page) -> None:
    held = page.hold("**/api/samples?*19*")
    with page.page.expect_request("**/api/samples?*19*"):
        page.page.fill("#q", "19 and 27")
    page.page.fill("#q", "7 + 8")
    page.counts(1)
    page.shows(3)
    with page.page.expect_response("**/api/samples?*19*"):
        page.let_go(held, "**/api/samples?*19*")
    page.page.evaluate("new Promise((done) => setTimeout(done))")
    assert page.rows() == ["What is 7 + 8?"]
    page.shows(3)


def test_undo_undoes_what_was_said_though_the_filter_hides_it_now(page: Page, workspace: Workspace) -> None:
    page.page.click("#states button:has-text('accepted')")
    page.counts(3)
    page.press("r")
    page.page.fill("#reject-reason", "unclear_question")
    page.page.click("#reject button.bad")
    page.notice("rejected")
    page.shows(0)
    page.state("rejected by a person")
    expect(page.page.locator("#rows li.hidden")).to_have_attribute("aria-current", "true")
    page.press("u")
    page.notice("undone")
    page.shows(0)
    page.state("accepted by the checks")
    assert people_said(workspace) == [("b2:sample0", "unclear_question"), ("b2:sample0", "withdrawn")]


def test_a_filter_that_nothing_fits_any_more_stays_what_the_list_is_asked_by(page: Page) -> None:
    page.page.select_option("#reason", "agreement/wrong_result")
    page.press(["Escape"])
    page.counts(1)
    page.shows(3)
    page.press("r")
    page.page.fill("#reject-reason", "off_task")
    page.page.click("#reject button.bad")
    page.notice("rejected")
    page.page.select_option("#reason", "person/off_task")
    page.press(["Escape"])
    page.notice("")
    page.press("u")
    page.notice("undone")
    page.state("rejected by the checks")
    assert page.page.input_value("#reason") == "person/off_task"
    page.press("a")
    page.notice("accepted")
    page.state("accepted by a person against agreement")


def test_a_slow_answer_takes_nobody_back_and_the_next_key_acts_on_what_is_shown(
    page: Page, workspace: Workspace
) -> None:
    held = page.hold("**/api/verdict")
    page.press("aj")
    page.shows(1)
    page.press("a")
    page.let_go(held, "**/api/verdict")
    page.state("accepted by a person")
    page.shows(1)
    expect(page.page.locator("#rows li[aria-current=true]")).to_contain_text("Add 19 and 27.")
    assert people_said(workspace) == [("b2:sample0", "ok"), ("b2:sample1", "ok")]


def test_what_another_window_said_is_shown_before_a_key_undoes_it(
    page: Page, server: ReviewServer, workspace: Workspace
) -> None:
    other = Page(page.page.context.new_page())
    other.open(server)
    other.press("a")
    other.notice("accepted")
    for key in "ua":
        page.page.evaluate("refresh = async () => {}")  # the sample stays on screen as it was
        page.press(key)
        page.page.evaluate("saying")
        page.notice("somebody else judged this sample meanwhile: look at it again")
    assert people_said(workspace) == [("b2:sample0", "ok")]
    page.page.reload()
    page.state("accepted by a person")
    page.press("u")
    page.notice("undone")


def test_the_checks_judge_an_edit_while_it_is_written_and_a_person_may_overrule_them(
    page: Page, workspace: Workspace
) -> None:
    browser = page.page
    page.press("e")
    browser.fill("#fields [data-name=question]", "What is 5.6 + 5.3?")
    page.judged("the question was changed, and what answers it was not (old_answer)")
    browser.fill("#fields [data-name=reference]", "5.6 + 5.3")
    browser.fill("#fields [data-name=call]", '{"name": "calculator", "arguments": {"expression": "11"}}')
    page.judged("11, the reference is 10.9")
    expect(browser.locator("#save")).to_have_text("Overrule and save")
    # What was said belongs to the text that it was said of.
    browser.fill("#fields [data-name=call]", '{"name": "calculator", "arguments": {"expression": "10.9"}}')
    expect(browser.locator("#save")).to_have_text("Save")
    browser.fill("#fields [data-name=call]", '{"name": "calculator", "arguments": {"expression": "12"}}')
    browser.evaluate("clearTimeout(judging)")
    browser.click("#save")
    page.judged("12, the reference is 10.9")
    assert people_said(workspace) == [], "told before it is stored"
    browser.click("#save")
    page.notice("saved against the checks")
    page.state("accepted by a person against agreement, execution")
    assert training(workspace)[0]["result"] == "12"


def test_an_edit_that_is_sent_twice_is_stored_once_and_unsaved_text_is_not_lost_by_a_reload(
    page: Page, workspace: Workspace
) -> None:
    leaves = "!window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert page.page.evaluate(leaves) is False
    page.press("e")
    page.page.fill("#fields [data-name=call]", '{"name": "calculator", "arguments": {"expression": "3 + 2"}}')
    assert page.page.evaluate(leaves) is True
    held = page.hold("**/api/edit")
    for _ in range(2):
        page.page.evaluate("document.querySelector('#edit form').requestSubmit()")
    page.let_go(held, "**/api/edit")
    page.notice("saved as a new sample")
    assert [reason for _, reason in people_said(workspace)] == ["edited", "ok"]


def test_a_reload_shows_the_list_that_its_filters_name(page: Page) -> None:
    page.page.select_option("#sort", "score")
    page.counts(4)
    page.page.reload()
    page.page.wait_for_selector("#detail h2")
    assert page.page.input_value("#sort") == "position"
    assert page.rows()[0] == "What is 2 + 3?"
