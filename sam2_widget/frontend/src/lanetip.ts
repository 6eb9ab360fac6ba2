// The line over the lanes that says what is under the pointer, and the mark of that place.
import { effect } from "@preact/signals-core";
import { h, type Part, setText } from "./dom.ts";
import type { LaneRow } from "./drawlanes.ts";
import { factsAt } from "./lanefacts.ts";
import { nameOf } from "./lanelabels.ts";
import { frameAtX, placeOf } from "./span.ts";
import type { ViewState } from "./state.ts";
import type { TimelineState } from "./timelinestate.ts";
import { timeOf } from "./timing.ts";

export function createLaneTip(
  state: ViewState,
  timeline: TimelineState,
  canvas: HTMLCanvasElement,
): Part {
  const text = h("div", { class: "s2w-lane-tip" });
  const node = h("div", { class: "s2w-lane-hover", "aria-hidden": "true" }, text);
  const close = effect(() => {
    const hover = timeline.hover.value;
    node.hidden = hover === null;
    if (!hover) return;
    const frame = frameAtX(hover.x, canvas.clientWidth, timeline.span.value, state.frames.value);
    const place = placeOf(frame, timeline.span.value);
    node.style.left = `${100 * place}%`;
    node.style.setProperty("--s2w-place", String(place));
    // It grows towards the middle, where there is room.
    node.dataset.side = place > 0.5 ? "left" : "right";
    setText(text, tipText(state, timeline.rows.value, frame, hover.y));
  });
  return { node, close };
}

function tipText(state: ViewState, rows: readonly LaneRow[], frame: number, y: number): string {
  const video = state.shared.value?.video;
  const seconds = timeOf({ fps: video?.fps || 25, times: state.times.value }, frame);
  const row = rows.find(({ top, height }) => y >= top && y < top + height);
  const facts = row ? `${nameOf(state, row)}: ${rowFacts(row, frame)}` : "";
  return [`${frame}`, `${seconds.toFixed(2)} s`, facts].filter(Boolean).join(" · ");
}

function rowFacts(row: LaneRow, frame: number): string {
  if (row.kind === "scope") return factsAt(row.lane, frame);
  const count = row.lane.counts[frame] ?? 0;
  return count === 0 ? "no keypoints" : `${count} keypoint${count === 1 ? "" : "s"}`;
}
