"""What is drawn in a browser, by its pixels: an element that is there may be blank."""

import io
from collections.abc import Callable
from typing import Any

COLOURED = 70
"""Difference of the channels of a colour; axes, grids and texts of plots are below it."""

_TRIES = 400


def coloured_pixels(element: Any) -> int:
    """Count the pixels of an element that are no shade of grey."""
    from matplotlib.image import imread

    image = imread(io.BytesIO(element.screenshot()), format="png")[:, :, :3]
    return int(((image.max(axis=2) - image.min(axis=2)) * 255 > COLOURED).sum())


def wait_for_pixels(page: Any, element: Any, least: int = 100) -> None:
    """Wait until something coloured is drawn in an element."""
    element.wait_for()
    wait_until(page, lambda: coloured_pixels(element) >= least)


def wait_until(page: Any, condition: Callable[[], object]) -> None:
    """Wait until a condition holds; give up after many tries, for a signal would wait in vain."""
    for _ in range(_TRIES):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come")
