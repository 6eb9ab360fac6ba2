// What there is to see on a frame: its masks, boxes and points, and what the user is doing to them.
import type { Marker, Outline } from "./draw.ts";
import type { Layer, Mask } from "./mask.ts";
import type { PointItem } from "./messages.ts";
import { paletteColor } from "./palette.ts";
import { isSamePoint, type ScopeId, scopeKey, type ViewState } from "./state.ts";
import { type Painting, paintingsOf } from "./strokes.ts";

export interface Scene {
  masks: Mask[];
  paintings: Painting[];
  boxes: Outline[];
  markers: Marker[];
  /** Number of the point that is selected on this frame. */
  selected: number | null;
}

export function sceneOf(state: ViewState, frame: number, layer: Layer | undefined): Scene {
  const points = pointsOf(state, frame, layer);
  const selected = state.selected.peek();
  const masks = (layer?.masks ?? []).filter(
    (mask) => mask.loops.length > 0 && state.isVisible(mask),
  );
  const strokes = state.strokes
    .peek()
    .filter((stroke) => stroke.frame === frame && state.isVisible(stroke));
  return {
    masks,
    paintings: paintingsOf(strokes, masks, (scope) => colorOf(state, scope, layer)),
    boxes: outlines(state, frame, layer),
    markers: [...points.map((point) => marker(state, frame, point)), ...pendingOf(state, frame)],
    selected: points.find((point) => isSamePoint({ ...point, frame }, selected))?.index ?? null,
  };
}

/** The points of the scope that is annotated now, where they are seen: these can be taken hold of. */
export function graspable(state: ViewState, frame: number, layer: Layer | undefined): PointItem[] {
  return pointsOf(state, frame, layer).filter((point) => isCurrent(state, point));
}

/** Whether a scope holds anything on the frame of a layer. */
export function holdsAnything(layer: Layer | undefined, scope: ScopeId): boolean {
  if (!layer) return false;
  const key = scopeKey(scope);
  return [...layer.masks, ...layer.points, ...layer.boxes].some((item) => scopeKey(item) === key);
}

/** Whether the mask of a scope on the frame of a layer was edited by hand. */
export function isEdited(layer: Layer | undefined, scope: ScopeId): boolean {
  const key = scopeKey(scope);
  return layer?.masks.some((mask) => scopeKey(mask) === key && mask.source === "edit") ?? false;
}

/** Name of the model that made the mask of a scope on the frame of a layer, empty when none did. */
export function makerOf(layer: Layer | undefined, scope: ScopeId): string {
  const key = scopeKey(scope);
  return layer?.masks.find((mask) => scopeKey(mask) === key)?.model ?? "";
}

function isCurrent(state: ViewState, { instance, region }: ScopeId): boolean {
  return instance === state.instance.peek() && region === state.region.peek();
}

/** The points that Python told of, where they were moved to since. */
function pointsOf(state: ViewState, frame: number, layer: Layer | undefined): PointItem[] {
  const moved = state.moved.peek();
  return (layer?.points ?? [])
    .filter((point) => state.isVisible(point))
    .map((point) => {
      const to = moved.findLast((other) => isSamePoint({ ...point, frame }, other));
      return to ? { ...point, x: to.x, y: to.y } : point;
    });
}

function marker(state: ViewState, frame: number, point: PointItem): Marker {
  const ref = { ...point, frame };
  return {
    ...point,
    current: isCurrent(state, point) && state.mode.peek() === "segment",
    pending: false,
    hovered: isSamePoint(ref, state.hovered.peek()),
    selected: isSamePoint(ref, state.selected.peek()),
  };
}

function pendingOf(state: ViewState, frame: number): Marker[] {
  return state.pending
    .peek()
    .filter((point) => point.frame === frame && state.isVisible(point))
    .map((point) => ({
      ...point,
      current: isCurrent(state, point),
      pending: true,
      hovered: false,
      selected: false,
    }));
}

/** A box that is drawn takes the place of the one that its scope has. */
function outlines(state: ViewState, frame: number, layer: Layer | undefined): Outline[] {
  const drawn = state.boxes.peek().filter((box) => box.frame === frame);
  const replaced = new Set(drawn.map(scopeKey));
  const told = (layer?.boxes ?? []).filter((box) => !replaced.has(scopeKey(box)));
  return [...told, ...drawn]
    .filter((box) => state.isVisible(box))
    .map((box) => ({
      ...box,
      color: colorOf(state, box, layer),
      current: isCurrent(state, box),
    }));
}

function colorOf(state: ViewState, item: ScopeId, layer: Layer | undefined): string {
  const key = scopeKey(item);
  const shared = state.shared.peek();
  const known = [...(layer?.masks ?? []), ...(shared?.scopes ?? [])];
  const regions = (shared?.regions ?? []).map(({ id }) => id);
  return (
    known.find((other) => scopeKey(other) === key)?.color ??
    paletteColor(item.instance, item.region, regions)
  );
}
