// The canvas of the lanes: as sharp as the screen, in the colours of the theme, painted when something changed.
import { effect, type Signal, signal } from "@preact/signals-core";
import { h } from "./dom.ts";
import { drawLanes, type LaneColors } from "./drawlanes.ts";
import type { ViewState } from "./state.ts";
import { heightOf, type TimelineState } from "./timelinestate.ts";

export interface LaneCanvas {
  node: HTMLCanvasElement;
  close(): void;
}

export function createLaneCanvas(
  state: ViewState,
  timeline: TimelineState,
  closing: AbortSignal,
): LaneCanvas {
  const node = h("canvas", { class: "s2w-lane-canvas", role: "img", width: 1, height: 1 });
  const context = node.getContext("2d");
  const size: Signal<{ width: number; ratio: number }> = signal({ width: 0, ratio: 1 });
  /** Counts up when the theme has changed. */
  const theme = signal(0);
  let tick = 0;

  const measure = (): void => {
    const width = node.clientWidth;
    const ratio = window.devicePixelRatio || 1;
    if (width !== size.peek().width || ratio !== size.peek().ratio) size.value = { width, ratio };
  };
  const observer = new ResizeObserver(measure);
  observer.observe(node);
  // The colour of the text has a transition of next to no length, which tells of every change of the
  // theme. JupyterLab cuts it off, because it takes the old style sheet away first.
  for (const event of ["transitionend", "transitioncancel"] as const) {
    node.addEventListener(event, () => theme.value++, { signal: closing });
  }

  const paint = (): void => {
    const rows = timeline.rows.peek();
    const { width, ratio } = size.peek();
    if (!context || width === 0 || rows.length === 0) return;
    const columns = Math.max(1, Math.round(width * ratio));
    const lines = Math.max(1, Math.round(heightOf(rows) * ratio));
    if (node.width !== columns) node.width = columns;
    if (node.height !== lines) node.height = lines;
    drawLanes(context, {
      rows,
      span: timeline.span.peek(),
      range: state.look.range.peek(),
      colors: colorsOf(node),
      pixelRatio: ratio,
    });
    node.dataset.painted = String(Number(node.dataset.painted ?? 0) + 1);
  };
  const stop = effect(() => {
    const rows = timeline.rows.value;
    timeline.span.value;
    state.look.range.value;
    size.value;
    theme.value;
    node.style.height = `${heightOf(rows)}px`;
    if (tick === 0) {
      tick = requestAnimationFrame(() => {
        tick = 0;
        paint();
      });
    }
  });
  const close = (): void => {
    stop();
    observer.disconnect();
    cancelAnimationFrame(tick);
  };
  return { node, close };
}

/** The theme's colours, as the style sheet gives them to the canvas for properties that show nothing there. */
function colorsOf(node: HTMLElement): LaneColors {
  const style = getComputedStyle(node);
  return {
    text: style.color || "#444",
    ground: style.backgroundColor || "#fff",
    faint: style.outlineColor || "#ddd",
    emphasis: style.caretColor || "#def",
  };
}
