"""Pictures of the review page for the README, of a real workspace. Nothing is written into its store.

python -m bench.pictures WORKSPACE [--into docs]

Needs Chromium (`$CHROMIUM`, or on the PATH). Prints the files.
"""

import argparse
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from factory.review.server import ReviewServer
from factory.workspace import Workspace
from tests.support.browser import CHROMIUM, FLAGS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--into", type=Path, default=Path("docs"))
    arguments = parser.parse_args()
    if CHROMIUM is None:
        parser.error("no Chromium is installed, and $CHROMIUM names none")
    with ReviewServer(Workspace(arguments.workspace).existing()) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS).new_page(
            viewport={"width": 1200, "height": 800}
        )
        page.goto(server.url)
        page.select_option("#sort", "uncertainty")
        page.wait_for_selector("#rows li[aria-current=true]")
        page.wait_for_selector(".tokens span:nth-child(5)")
        # Figures are where a teacher hesitates.
        page.locator(".tokens span").filter(has_text="1").first.hover()
        page.screenshot(path=arguments.into / "review.png")
        page.keyboard.press("r")
        page.wait_for_selector("#reject[open]")
        page.fill("#reject-reason", "unclear_question")
        page.fill("#reject-note", "which of the two?")
        page.screenshot(path=arguments.into / "review-reject.png")
        server.shutdown()
    print(arguments.into / "review.png", arguments.into / "review-reject.png", sep="\n")


if __name__ == "__main__":
    main()
