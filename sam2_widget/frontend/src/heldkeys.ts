// Keys that mean something while they are held: Space lets a drag move the picture, H hides what lies on it.
import { effect } from "@preact/signals-core";
import { closer } from "./dom.ts";
import { isMeantFor } from "./shortcuts.ts";
import type { ViewState } from "./state.ts";

/**
 * Listens to keys being held and let go.
 *
 * @param tap what Space does when it was let go without moving the picture
 * @returns ends it
 */
export function watchHeldKeys(
  root: HTMLElement,
  state: ViewState,
  tap: (space: KeyboardEvent) => void,
  signal: AbortSignal,
): () => void {
  const { camera, peeking } = state;
  let pressed = "";
  let peekKey = "";

  const press = (event: KeyboardEvent): void => {
    const [target] = event.composedPath();
    // Over the picture: nothing behind it may be done.
    if (target instanceof Element && target.closest("dialog")) return;
    if (!event.repeat) pressed = codeOf(event);
    if (!isSpace(event) || !state.shared.peek()) return;
    if (!camera.hand.peek() && (event.repeat || isMeantFor(event.composedPath()[0], event))) return;
    // Only when it is let go shows which of the two it was for.
    event.preventDefault();
    event.stopPropagation();
    if (camera.hand.peek()) return;
    camera.handUsed = false;
    camera.hand.value = true;
  };
  const release = (event: KeyboardEvent): void => {
    if (peeking.peek() && codeOf(event) === peekKey) peeking.value = false;
    if (event.key !== " " || !camera.hand.peek()) return;
    camera.hand.value = false;
    event.preventDefault();
    // A key that is pressed anew, because the first one was claimed.
    if (!camera.handUsed) tap(new KeyboardEvent("keydown", { key: " ", cancelable: true }));
  };
  const drop = (): void => {
    peeking.value = false;
    camera.hand.value = false;
  };

  root.addEventListener("keydown", press, { signal, capture: true });
  document.addEventListener("keyup", release, { signal, capture: true });
  window.addEventListener("blur", drop, { signal });
  document.addEventListener("visibilitychange", drop, { signal });
  root.addEventListener(
    "focusout",
    ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Node) || !root.contains(relatedTarget)) drop();
    },
    { signal },
  );
  return closer([
    effect(() => {
      if (peeking.value) peekKey = pressed;
    }),
    drop,
  ]);
}

/** The place of a key on the keyboard: what it gives may change while it is held. */
function codeOf({ code, key }: KeyboardEvent): string {
  return code || key.toUpperCase();
}

function isSpace({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean {
  return key === " " && !ctrlKey && !metaKey && !altKey && !shiftKey;
}
