"""What tests of the live parts share: a page that must not complain, their modules, and
what their pictures show."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from matplotlib.image import imread
from playwright.sync_api import Browser, BrowserContext, Locator, Page

# The same noise and the same choices each time that a page is loaded (Lehmer, 1951).
SEEDED = """
  let state = 1;
  Math.random = () => (state = (state * 48271) % 2147483647) / 2147483647;
"""


@contextmanager
def without_complaint(browser: Browser | BrowserContext, **options) -> Iterator[Page]:
    """A new page, in whose console nothing may go wrong. options: of Playwright's."""
    page = browser.new_page(**options)
    page.add_init_script(SEEDED)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None,
    )
    yield page
    page.close()
    assert wrong == []


def import_modules(page: Page, served: str, *names: str) -> None:
    """Open a page that has what these modules of book/web/live export as `live`.

    whole(name) resolves to a file of that folder, an ArrayBuffer; denoiser runs the
    networks, if that is one of the modules.
    """
    page.goto(f"{served}/en/troubleshooting.html")
    page.evaluate(
        """async ([served, names]) => {
          const found = names.map((name) => import(`${served}/live/${name}.js`));
          globalThis.live = Object.assign({}, ...(await Promise.all(found)));
          globalThis.whole = async (name) =>
            (await fetch(`${served}/live/${name}`)).arrayBuffer();
          const named = async (name) => [name, await whole(name)];
          globalThis.denoiser = live.Denoiser && new live.Denoiser(async (files) =>
            Object.fromEntries(await Promise.all(files.map(named))));
        }""",
        [served, names],
    )


def pixels(within: Locator | Page, part: str) -> np.ndarray:
    """What the canvas of this name shows, (H, W) from 0 to 1: its red."""
    url = within.locator(f'[data-part="{part}"]').evaluate("c => c.toDataURL()")
    png = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    return imread(io.BytesIO(png), format="png")[..., 0]
