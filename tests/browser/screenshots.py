"""Takes the pictures of docs/page.md: ``python -m tests.browser.screenshots [FOLDER]``. Look at them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct
from playwright.sync_api import sync_playwright

from tests.support.page_scenes import BACKLOG, HELD, WORKING, Scene
from tests.support.page_server import Served

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"
CHROMIUM: Final = "/usr/bin/chromium"


class Picture(Struct, frozen=True):
    """A scene, and how it is looked at."""

    scene: Scene
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"


PICTURES: Final = {
    "page-working": Picture(WORKING, 1120, 900),
    "page-held": Picture(HELD, 1120, 900),
    "page-backlog": Picture(BACKLOG, 1120, 900),
    "page-dark": Picture(HELD, 1120, 900, "dark"),
    "page-mobile": Picture(HELD, 360, 800),
}


def main(folder: Path) -> None:
    """Take all."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # The font that comes nearest to what people have as their system's.
        fonts = {"FONTCONFIG_FILE": str(Path(__file__).parent / "fonts.conf")}
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], env={**os.environ, **fonts}
        )
        for name, picture in PICTURES.items():
            with Served(picture.scene) as served:
                page = browser.new_page(
                    viewport={"width": picture.width, "height": picture.height},
                    color_scheme=picture.scheme,
                    reduced_motion="reduce",
                )
                page.goto(served.url)
                page.screenshot(path=folder / f"{name}.png", animations="disabled")
                page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
