"""Check a part of the page with axe-core, by the rules of WCAG 2.1 AA and by good practice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.widget import Widget

SCRIPT = Path(__file__).parents[2] / "sam2_widget/frontend/node_modules/axe-core/axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")

# JupyterLab's body hides what leaves it and has no height: axe would take all of it for hidden.
RUN = """async ([root, rules]) => {
  const { style } = document.body;
  const { height } = style;
  style.height = "100vh";
  const { violations, passes } = await window.axe.run(root, { runOnly: rules });
  style.height = height;
  const read = [...violations, ...passes].find(({ id }) => id === "color-contrast")?.nodes ?? [];
  if (!read.some(({ any }) => any.some(({ data }) => data?.contrastRatio)))
    throw new Error("axe saw no text.");
  return violations.flatMap(({ id, help, nodes }) => nodes.map(
    ({ html, any, all, none }) => [
      `${id}: ${help}`,
      ...[...any, ...all, ...none].map(({ message }) => `  ${message}`),
      `  ${html.slice(0, 200)}`,
    ].join("\\n")));
}"""

# Text and icons on each other, and lines that tell where a control is: axe looks at text only.
CONTRAST = """([root, pairs]) => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour, ground) => {
    context.fillStyle = ground;
    context.fillRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (parts) => {
    const [r, g, b] = parts.map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const resolve = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(--s2w-${name})`;
    root.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  return pairs.map(([front, back]) => {
    const ground = `rgb(${rgb(resolve(back), resolve("bg")).join(",")})`;
    const [a, b] = [light(rgb(resolve(front), ground)), light(rgb(ground, ground))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
}"""


def check(part: Widget | Locator) -> None:
    """Assert that axe finds nothing wrong in a widget, or in another part of the page.

    Raises
    ------
    AssertionError
        If it does; the message lists each element with what is wrong with it.
    """
    root: Locator = getattr(part, "root", part)
    page = root.page
    if not page.evaluate("() => Boolean(window.axe)"):
        assert SCRIPT.exists(), "axe-core is missing: `make install-test` installs it."
        page.add_script_tag(path=SCRIPT)
    # What is far from view is not laid out.
    root.scroll_into_view_if_needed()
    found: list[str] = page.evaluate(RUN, [root.element_handle(), RULES])
    assert not found, "axe found:\n" + "\n".join(found)


def contrast(root: Locator, *pairs: tuple[str, str]) -> list[float]:
    """Return the contrast of the widget's colours, such as ("focus", "bg"), on each other."""
    told: list[float] = root.page.evaluate(CONTRAST, [root.element_handle(), pairs])
    return told
