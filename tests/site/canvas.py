"""What the pictures of live parts show."""

import base64
import io

import numpy as np
from matplotlib.image import imread
from playwright.sync_api import Locator, Page


def pixels(within: Locator | Page, part: str) -> np.ndarray:
    """What the canvas of this name shows, (H, W) from 0 to 1: its red."""
    url = within.locator(f'[data-part="{part}"]').evaluate("c => c.toDataURL()")
    png = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    return imread(io.BytesIO(png), format="png")[..., 0]
