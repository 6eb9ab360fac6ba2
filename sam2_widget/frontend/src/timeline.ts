// The timeline below the picture: the slider over the whole video, and a lane for each scope below it.
import { effect } from "@preact/signals-core";
import { closer, h, type Part, setTitle } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import { createLaneCanvas } from "./lanecanvas.ts";
import { laneSummary } from "./lanefacts.ts";
import { createLaneLabels, keyOf, nameOf } from "./lanelabels.ts";
import { listenToLanes } from "./lanepointer.ts";
import type { Lanes } from "./lanes.ts";
import { createLaneTip } from "./lanetip.ts";
import type { Playback } from "./playback.ts";
import { createRangeHandles } from "./rangehandles.ts";
import { createScrubber } from "./scrubber.ts";
import type { Actions } from "./shortcuts.ts";
import { isWhole, placeOf, zoomed } from "./span.ts";
import type { ViewState } from "./state.ts";
import { suspectsOf } from "./suspects.ts";
import { currentLane } from "./timelineactions.ts";
import { TimelineState } from "./timelinestate.ts";
import { actionButton, enable, iconOnly } from "./toolbar.ts";

export interface TimelineOptions {
  state: ViewState;
  lanes: Lanes;
  playback: Playback;
  actions: Actions;
  signal: AbortSignal;
}

export function createTimeline(options: TimelineOptions): Part {
  const { state, lanes, playback, signal } = options;
  const timeline = new TimelineState(state, lanes);
  const scrubber = createScrubber(state, playback, signal);
  const range = createRangeHandles(state, playback, signal);
  const tools = createTools(options, timeline);
  const labels = createLaneLabels(state, signal);
  const canvas = createLaneCanvas(state, timeline, signal);
  const tip = createLaneTip(state, timeline, canvas.node);
  listenToLanes(
    {
      canvas: canvas.node,
      span: timeline.zoom,
      present: () => timeline.span.peek(),
      frames: () => state.frames.peek(),
      hover: timeline.hover,
      seek: (frame) => playback.seek(frame),
    },
    signal,
  );

  const shown = h("div", { class: "s2w-shown-span" });
  const ruler = h("div", { class: "s2w-ruler" }, shown, scrubber.node, range.node);
  const playhead = h("div", { class: "s2w-playhead" });
  const over = h("div", { class: "s2w-lane-over" }, playhead, tip.node);
  const scroll = h("div", { class: "s2w-lane-scroll" }, labels.node, canvas.node);
  const body = h("div", { class: "s2w-lanes" }, scroll, over);
  const node = h(
    "div",
    { class: "s2w-timeline" },
    h("div", { class: "s2w-timeline-head" }, tools.node, ruler),
    body,
  );

  let sighted = "";
  const stops = [
    ...[scrubber.close, range.close, tools.close, canvas.close, tip.close],
    timeline.follow(state),
    effect(() => {
      // What was told of a suspect frame is over with the frame.
      const told = state.suspect.value;
      if (!told || state.frame.value === told.frame) return;
      if (state.message.peek() === told.text) state.message.value = "";
      state.suspect.value = null;
    }),
    effect(() => {
      const rows = timeline.rows.value;
      body.hidden = rows.length === 0;
      node.dataset.lanes = String(rows.length);
      labels.update(rows);
      const summary = rows.flatMap((row) =>
        row.kind === "scope" ? [laneSummary(nameOf(state, row), row.lane)] : [nameOf(state, row)],
      );
      canvas.node.setAttribute("aria-label", `Timeline. ${summary.join(". ")}.`);
    }),
    effect(() => {
      // Only when another lane is annotated: what the user scrolled to stays.
      const row = timeline.rows.value.find(({ current }) => current);
      if (!row || keyOf(row) === sighted) return;
      sighted = keyOf(row);
      const { scrollTop, clientHeight } = scroll;
      const least = row.top + row.height - clientHeight;
      if (scrollTop > row.top || scrollTop < least) scroll.scrollTop = Math.min(row.top, least);
    }),
    effect(() => {
      const place = placeOf(state.frame.value, timeline.span.value);
      playhead.style.left = `${100 * place}%`;
      playhead.hidden = place < 0 || place > 1;
    }),
    effect(() => {
      const frames = Math.max(1, state.frames.value);
      const { start, length } = timeline.span.value;
      ruler.style.setProperty("--s2w-half-frame", `${50 / frames}%`);
      shown.hidden = isWhole(timeline.span.value, frames);
      shown.style.left = `${(100 * start) / frames}%`;
      shown.style.width = `${(100 * length) / frames}%`;
      node.dataset.span = `${start.toFixed(1)} ${length.toFixed(1)}`;
    }),
  ];
  return { node, close: closer(stops) };
}

/** Left of the slider: to the suspect frames, and how many frames the lanes show. */
function createTools(
  { state, lanes, actions, signal }: TimelineOptions,
  timeline: TimelineState,
): Part {
  const previous = iconOnly(
    actionButton("prev-suspect", "suspect-prev", "Previous suspect frame", actions, signal),
  );
  const next = iconOnly(
    actionButton("next-suspect", "suspect-next", "Next suspect frame", actions, signal),
  );
  const zoom = (factor: number) => (): void => {
    const frames = state.frames.peek();
    const span = timeline.span.peek();
    const place = placeOf(state.frame.peek(), span);
    const closer = zoomed(span, factor, place < 0 || place > 1 ? 0.5 : place, frames);
    timeline.zoom.value = isWhole(closer, frames) ? null : closer;
  };
  const wider = zoomButton("lanes-in", "spread", zoom(0.5), signal);
  const narrower = zoomButton("lanes-out", "squeeze", zoom(2), signal);
  const stops = [
    effect(() => {
      lanes.version.value;
      const lane = currentLane(state, lanes);
      const none = lane && suspectsOf(lane).length > 0 ? null : NO_SUSPECTS;
      enable(previous, "prev-suspect", none);
      enable(next, "next-suspect", none);
    }),
    effect(() => {
      const hasLanes = timeline.rows.value.length > 0;
      wider.disabled = !hasLanes || timeline.span.value.length <= 10;
      narrower.disabled = !hasLanes || timeline.zoom.value === null;
      setTitle(wider, "Lanes: fewer frames, wider (Ctrl + wheel)", "Zoom into the lanes");
      setTitle(narrower, "Lanes: more frames (double click shows all)", "Zoom out of the lanes");
    }),
  ];
  const node = h(
    "div",
    { class: "s2w-timeline-tools", role: "group", "aria-label": "Timeline" },
    h("div", { class: "s2w-joined" }, previous, next),
    h("div", { class: "s2w-joined" }, narrower, wider),
  );
  return { node, close: closer(stops) };
}

const NO_SUSPECTS = "No frame of this object is suspect.";

function zoomButton(
  action: string,
  name: IconName,
  act: () => void,
  signal: AbortSignal,
): HTMLButtonElement {
  const attributes = { type: "button", class: "s2w-button s2w-icon-only", "data-action": action };
  const button = h("button", attributes, icon(name));
  button.addEventListener("click", act, { signal });
  return button;
}
