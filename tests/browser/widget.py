"""Drive the annotator on a page: real mouse, real keys, and waiting for what is painted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.browser.notebook import Notebook

Button = Literal["left", "middle", "right"]
Modifier = Literal["Alt", "Control", "ControlOrMeta", "Meta", "Shift"]

WAIT_MS = 60_000

# The mean colour of a square round a place in CSS pixels of the canvas.
COLOUR = """(canvas, [x, y, half]) => {
  const ratio = canvas.width / canvas.getBoundingClientRect().width;
  const side = Math.max(1, Math.round(2 * half * ratio));
  const left = Math.round((x - half) * ratio), top = Math.round((y - half) * ratio);
  const { data } = canvas.getContext("2d").getImageData(left, top, side, side);
  const sum = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sum[c] += data[i + c];
  return sum.map((value) => value / (data.length / 4));
}"""


class Widget:
    """One view of an annotator.

    Parameters
    ----------
    notebook
        The notebook it is in.
    width, height
        Size of the video in pixels.
    nth
        Which of several views.
    """

    def __init__(
        self, notebook: Notebook, width: int = 640, height: int = 360, nth: int = 0
    ) -> None:
        self.notebook = notebook
        self.root: Locator = notebook.page.locator(".s2w-root").nth(nth)
        self.canvas: Locator = self.root.locator("canvas.s2w-canvas")
        self.size = (width, height)

    def wait(self, timeout: float = WAIT_MS, **state: object) -> None:
        """Wait until the root's data attributes are these; ``job="idle"`` is ``data-job``."""
        wanted = {f"data-{key.replace('_', '-')}": str(value) for key, value in state.items()}
        self.root.wait_for(timeout=timeout)
        handle = self.root.element_handle()
        self.notebook.page.wait_for_function(
            "([root, wanted]) => Object.entries(wanted).every(([k, v]) => "
            "root.getAttribute(k) === v)",
            arg=[handle, wanted],
            timeout=timeout,
        )

    def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until something is painted that no data attribute tells of."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "It was never painted."

    def data(self, name: str) -> str:
        """Return a data attribute of the root."""
        return self.root.get_attribute(f"data-{name}") or ""

    def click(
        self,
        x: float,
        y: float,
        button: Button = "left",
        modifiers: list[Modifier] | None = None,
    ) -> None:
        """Click with the mouse at a place in video pixels and wait for the answer's paint."""
        before = int(self.data("points"))
        self.press(x, y, button, modifiers)
        self.wait(points=before + 1, pending=0)

    def press(
        self,
        x: float,
        y: float,
        button: Button = "left",
        modifiers: list[Modifier] | None = None,
    ) -> None:
        """Click with the mouse at a place in video pixels."""
        left, top = self.on_canvas((x, y))
        place: Any = {"x": left, "y": top}
        self.canvas.click(position=place, button=button, modifiers=modifiers or [])

    @property
    def viewport(self) -> tuple[float, float, float]:
        """Where the painted picture begins on the canvas, and its scale, in CSS pixels."""
        x, y, scale = map(float, self.data("viewport").split())
        return x, y, scale

    def on_canvas(self, place: tuple[float, float]) -> tuple[float, float]:
        """Return where a place in video pixels is on the canvas, at any zoom."""
        x, y, scale = self.viewport
        return x + place[0] * scale, y + place[1] * scale

    def on_page(self, place: tuple[float, float]) -> tuple[float, float]:
        """Return where a place in video pixels is on the page, at any zoom."""
        box = self.canvas.bounding_box()
        assert box is not None
        x, y = self.on_canvas(place)
        return box["x"] + x, box["y"] + y

    def colour(self, x: float, y: float, half: float = 1) -> tuple[float, float, float]:
        """Return the mean RGB painted round a place in video pixels."""
        place = self.on_canvas((x, y))
        half *= self.viewport[2]
        red, green, blue = self.canvas.evaluate(COLOUR, [*place, half])
        return red, green, blue

    def go_to(self, frame: int) -> None:
        """Go to a frame from Python and wait until it is painted."""
        self.notebook.py(f"setattr(ann, 'frame_index', {frame})")
        self.wait(frame=frame)

    def pixels(self) -> str:
        """Return everything that is painted, to compare."""
        text: str = self.canvas.evaluate("(canvas) => canvas.toDataURL()")
        return text

    def action(self, name: str) -> Locator:
        """Return the button of an action."""
        return self.root.locator(f"[data-action='{name}']")

    def is_tinted(self, notebook: Notebook, frame: int, place: list[int]) -> bool:
        """Tell whether the canvas differs from the stored frame at a place in video pixels."""
        x, y = place
        plain = notebook.py(f"ann.video[{frame}][{y}, {x}].tolist()")
        shown = self.colour(x + 0.5, y + 0.5, half=0.5)
        return max(abs(a - b) for a, b in zip(shown, plain, strict=True)) > 20

    def shots(self, name: str) -> None:
        """Picture it wide and narrow, light and dark."""
        nb = self.notebook
        for theme in ("light", "dark"):
            nb.theme(theme)
            for width, size in ((1400, "wide"), (760, "narrow")):
                nb.resize(width, 1300)
                self.root.scroll_into_view_if_needed()
                nb.screenshot(f"{name}-{theme}-{size}", self.root)
        nb.theme("light")
        nb.resize(1400, 1000)
