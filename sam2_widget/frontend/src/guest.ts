// The widget as a guest of a notebook's page: which keys and clicks are its own, and when it looks anew.
import type { Connection } from "./connection.ts";
import { h } from "./dom.ts";

/** Hidden for longer than this (ms), the view asks anew: messages may have been lost meanwhile. */
const LONG_HIDDEN = 60_000;

/** What takes the focus itself when it is pressed. */
const FIELDS = "input, select, textarea, label, .s2w-popup";

const SUPPRESS = "data-lm-suppress-shortcuts";

/** The element of a view. */
export function createRoot(): HTMLElement {
  return h("div", {
    class: "s2w-root",
    tabindex: 0,
    role: "group",
    "aria-label": "Video annotation",
    // Jupyter leaves keys and right clicks to elements that say so.
    [SUPPRESS]: "true",
    "data-jp-suppress-context-menu": "true",
  });
}

/** Takes keys and right clicks inside the widget, and leaves the rest of the page alone. */
export function beGuest(
  root: HTMLElement,
  onKey: (event: KeyboardEvent) => void,
  signal: AbortSignal,
): void {
  const options = { signal };
  root.addEventListener("keydown", onKey, options);
  // Jupyter asks the element that has the focus before those round it.
  root.addEventListener(
    "focusin",
    ({ target }) => {
      if (target instanceof Element) target.setAttribute(SUPPRESS, "true");
    },
    options,
  );
  root.addEventListener(
    "contextmenu",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
    },
    options,
  );
  // Before all others: a field that loses the focus gives its value first.
  root.addEventListener(
    "pointerdown",
    (event) => {
      if (!isWithin(event.target, FIELDS)) root.focus({ preventScroll: true });
    },
    { signal, capture: true },
  );
  // A button that was clicked would keep the focus, and with it the space bar.
  root.addEventListener(
    "mousedown",
    (event) => {
      if (isWithin(event.target, "button, canvas")) event.preventDefault();
    },
    options,
  );
}

/** The notebook does not see keys inside the widget: Ctrl or Cmd+S is pressed again outside. */
export function saveNotebook(root: HTMLElement): void {
  const mac = /mac/i.test(navigator.platform);
  const modifier = mac ? { metaKey: true } : { ctrlKey: true };
  const init = { key: "s", code: "KeyS", keyCode: 83, bubbles: true, cancelable: true };
  root.parentElement?.dispatchEvent(new KeyboardEvent("keydown", { ...init, ...modifier }));
}

function isWithin(target: EventTarget | null, selector: string): boolean {
  return target instanceof Element && target.closest(selector) !== null;
}

/** Asks for everything when the page was hidden for long. */
export function refreshWhenBack(connection: Connection, signal: AbortSignal): void {
  let hiddenAt = 0;
  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.hidden) hiddenAt = Date.now();
      else if (Date.now() - hiddenAt > LONG_HIDDEN) connection.refresh();
    },
    { signal },
  );
}
