// Makes elements: attributes and text only, never HTML.
import { type IconName, icon } from "./icons.ts";

type Attributes = Record<string, string | number | boolean>;

/** An element; true sets an empty attribute, false sets none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** A visible part of the widget. */
export interface Part {
  node: HTMLElement;
  close(): void;
}

export function closer(stops: readonly (() => void)[]): () => void {
  return () => {
    for (const stop of stops) stop();
  };
}

/** Sets a text only when it differs, so that screen readers are not told twice. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** A title, and the name for those who do not see it where that is another. */
export function setTitle(element: HTMLElement, title: string, name = title): void {
  if (element.title !== title) element.title = title;
  if (element.getAttribute("aria-label") !== name) element.setAttribute("aria-label", name);
}

/** A button that is only an icon; `setTitle` gives it its name. */
export function iconButton(classes: string, name: IconName): HTMLButtonElement {
  return h("button", { type: "button", class: classes }, icon(name));
}

/** Gives an element these children; those that stay are not touched, and keep focus and scroll. */
export function arrange(parent: HTMLElement, children: readonly HTMLElement[]): void {
  for (const old of [...parent.children] as HTMLElement[]) {
    if (children.includes(old)) continue;
    keepFocus(old);
    old.remove();
  }
  children.forEach((child, index) => {
    const present = parent.children[index] ?? null;
    if (present !== child) parent.insertBefore(child, present);
  });
}

const COLOR = /^#[0-9a-f]{6}$/i;

/** A colour from outside, or grey when it is not one. */
export function safeColor(color: string): string {
  return COLOR.test(color) ? color : "#808080";
}

/** What has the focus, also inside of shadow trees such as marimo's, of which the page tells the host. */
export function focused(): Element | null {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active;
}

/** Before a part hides or goes: the focus stays in the widget, so that keys do not reach Jupyter. */
export function keepFocus(part: HTMLElement): void {
  if (!part.contains(focused())) return;
  part.closest<HTMLElement>(".s2w-root")?.focus({ preventScroll: true });
}
