"""What is drawn in a browser, by its pixels: an element that is there may be blank."""

import io
from typing import Any

COLOURED = 70
"""Difference of the channels of a colour; axes, grids and texts of plots are below it."""


def coloured_pixels(element: Any) -> int:
    """Count the pixels of an element that are no shade of grey."""
    from matplotlib.image import imread

    image = imread(io.BytesIO(element.screenshot()), format="png")[:, :, :3]
    return int(((image.max(axis=2) - image.min(axis=2)) * 255 > COLOURED).sum())


def wait_for_pixels(page: Any, element: Any, least: int = 100) -> None:
    """Wait until something coloured is drawn in an element; pytest's time limit is the end."""
    element.wait_for()
    while coloured_pixels(element) < least:
        page.wait_for_timeout(50)
