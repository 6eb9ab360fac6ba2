"""One page of JupyterLab that stories take in turns: loading it takes longer than most stories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.browser.notebook import THEMES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

MOST = 12
"""Stories of a page, so that nothing that one of them leaves behind grows for ever."""

LEAVE = """async (theme) => {
  const { commands, shell } = window.jupyterapp;
  for (const widget of [...shell.widgets("main")]) {
    await widget.context?.sessionContext?.shutdown();
    // Nobody is asked what becomes of the changes.
    if (widget.context) widget.context.model.dirty = false;
    widget.close();
  }
  await commands.execute("apputils:change-theme", { theme });
}"""
# JupyterLab opens its launcher a moment after the last notebook is gone: come later it would take
# the focus from the next story.
EMPTY = """([theme]) => {
  const open = [...window.jupyterapp.shell.widgets("main")];
  const dialogs = document.querySelectorAll(".jp-Dialog, .s2w-root").length;
  const isLauncher = open.length === 1 && !open[0].context;
  return isLauncher && !dialogs && document.body.dataset.jpThemeName === theme;
}"""
LEAVE_MS = 10_000


class Tabs:
    """Lends pages, each as good as new: no notebook, kernel, size or theme of the story before.

    Parameters
    ----------
    browser
        Chromium.
    arguments
        Of its contexts.
    """

    def __init__(self, browser: Browser, arguments: dict[str, Any]) -> None:
        self._browser = browser
        self._arguments = arguments
        self._context: BrowserContext | None = None
        self._stories = 0

    def take(self) -> Page:
        """Return the page, or a new one where there is none or it was used often."""
        if self._context is not None and self._stories >= MOST:
            self.drop()
        if self._context is None:
            self._context, self._stories = self._browser.new_context(**self._arguments), 0
            self._context.new_page()
        self._stories += 1
        return self._context.pages[0]

    def give_back(self) -> None:
        """Clear the page for the next story; where that fails, the next has a new one."""
        context = self._context
        assert context is not None
        page, *others = context.pages
        for other in others:
            other.close()
        try:
            theme = THEMES["light"]
            page.evaluate(LEAVE, theme)
            page.wait_for_function(EMPTY, arg=[theme], timeout=LEAVE_MS)
            page.set_viewport_size(self._arguments["viewport"])
            page.mouse.move(0, 0)
        except Exception:
            self.drop()

    def drop(self) -> None:
        """Close the page."""
        context, self._context = self._context, None
        if context is not None:
            context.close()
