// What the parts of the timeline share: its rows, and which frames they show.
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { KEYPOINTS_HEIGHT, type LaneRow, SCOPE_HEIGHT } from "./drawlanes.ts";
import type { LaneHover } from "./lanepointer.ts";
import type { KeypointLane, Lane, Lanes } from "./lanes.ts";
import { paletteColor } from "./palette.ts";
import { following, type Span, wholeSpan } from "./span.ts";
import { scopeKey, type ViewState } from "./state.ts";

export class TimelineState {
  /** The frames that are shown; null is all of them. */
  readonly zoom: Signal<Span | null> = signal(null);
  readonly hover: Signal<LaneHover | null> = signal(null);
  readonly span: ReadonlySignal<Span>;
  readonly rows: ReadonlySignal<readonly LaneRow[]>;

  constructor(state: ViewState, lanes: Lanes) {
    this.span = computed(() => this.zoom.value ?? wholeSpan(state.frames.value));
    this.rows = computed(() => rowsOf(state, lanes));
  }

  /** Keeps the frame in sight, until the returned function is called. */
  follow(state: ViewState): () => void {
    return effect(() => {
      const frame = state.frame.value;
      const zoom = this.zoom.peek();
      const frames = state.frames.value;
      if (zoom && zoom.length >= frames) this.zoom.value = null;
      else if (zoom) this.zoom.value = following(zoom, frame, frames);
    });
  }
}

/** The height of all rows together, in CSS pixels. */
export function heightOf(rows: readonly LaneRow[]): number {
  const last = rows.at(-1);
  return last ? last.top + last.height : 0;
}

/** In the order of the list: by instance, then as the regions are; after an instance's scopes its keypoints. */
function rowsOf(state: ViewState, lanes: Lanes): LaneRow[] {
  lanes.version.value;
  const colors = new Map(
    state.shared.value?.scopes.map((scope) => [scopeKey(scope), scope.color] as const),
  );
  const regions = (state.shared.value?.regions ?? []).map(({ id }) => id);
  const place = ({ region }: Lane): number =>
    regions.includes(region) ? regions.indexOf(region) : regions.length;
  const ordered = withCurrent(state, lanes.scopes).sort((a, b) => place(a) - place(b));
  const keypoints = withKeypoints(state, lanes.keypoints);
  const instances = new Set([...ordered, ...keypoints].map(({ instance }) => instance));
  const rows: LaneRow[] = [];
  let top = 0;
  for (const instance of [...instances].sort((a, b) => a - b)) {
    for (const lane of ordered.filter((other) => other.instance === instance)) {
      rows.push({
        kind: "scope",
        lane,
        top,
        height: SCOPE_HEIGHT,
        color: colors.get(scopeKey(lane)) ?? paletteColor(lane.instance, lane.region, regions),
        current: state.isCurrent(lane),
      });
      top += SCOPE_HEIGHT;
    }
    for (const lane of keypoints.filter((other) => other.instance === instance)) {
      const current = state.mode.value === "keypoint" && state.instance.value === instance;
      rows.push({ kind: "keypoints", lane, top, height: KEYPOINTS_HEIGHT, current });
      top += KEYPOINTS_HEIGHT;
    }
  }
  return rows;
}

/** What is annotated now has a lane before it holds anything, so that the first click moves nothing. */
function withCurrent(state: ViewState, lanes: readonly Lane[]): Lane[] {
  if (!state.shared.value || lanes.some((lane) => state.isCurrent(lane))) return [...lanes];
  const none = new Uint8Array(state.frames.value);
  const scope = { instance: state.instance.value, region: state.region.value };
  return [
    ...lanes,
    { ...scope, flags: none, suspicion: none, cause: none, score: none, area: none },
  ];
}

function withKeypoints(state: ViewState, lanes: readonly KeypointLane[]): readonly KeypointLane[] {
  const instance = state.instance.value;
  const isPlacing = state.shared.value !== null && state.mode.value === "keypoint";
  if (!isPlacing || lanes.some((lane) => lane.instance === instance)) return lanes;
  return [...lanes, { instance, counts: new Uint8Array(state.frames.value) }];
}
