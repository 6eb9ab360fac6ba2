// Says in words what there is to see: on the picture, and at one place of it.
import type { Position } from "./geometry.ts";
import type { Layer, Mask } from "./mask.ts";
import { type ScopeId, scopeKey, type ViewState } from "./state.ts";

/** Objects that are told of one by one. */
const MOST = 6;

/** The whole of it, for those who do not see the picture. */
export function pictureText(state: ViewState, frame: number, layer: Layer | undefined): string {
  const last = Math.max(0, state.frames.value - 1);
  const parts = [`Frame ${frame} of ${last}`];
  const scopes = layer ? scopesOf(state, layer) : [];
  for (const scope of scopes.slice(0, MOST)) {
    parts.push(`${state.scopeName(scope)}: ${contentOf(scope, layer).join(", ")}`);
  }
  if (scopes.length > MOST) parts.push(`${scopes.length - MOST} more objects`);
  const keypoints = layer?.keypoints.length ?? 0;
  if (keypoints > 0) parts.push(some(keypoints, "keypoint"));
  return `${parts.join(". ")}.`;
}

/** The frame, and whether the object that is annotated has a mask on it. */
export function frameNews(state: ViewState, frame: number, layer: Layer | undefined): string {
  const scope = { instance: state.instance.value, region: state.region.value };
  const mask = maskOf(layer, scope);
  const words = mask ? (mask.stale ? "an outdated mask" : "a mask") : "no mask";
  return `Frame ${frame}, ${words} of ${state.scopeName(scope)}`;
}

/** Where the crosshair is, and in which masks. `target` is what it could take hold of, in words. */
export function placeText(
  state: ViewState,
  at: Position,
  layer: Layer | undefined,
  target: string | null,
): string {
  const hidden = state.hidden.value;
  const current = { instance: state.instance.value, region: state.region.value };
  const inside = (layer?.masks ?? []).filter(
    (mask) => !hidden.has(scopeKey(mask)) && isInMask(mask, at),
  );
  const isCurrent = (scope: ScopeId): boolean => scopeKey(scope) === scopeKey(current);
  const ordered = [...inside.filter(isCurrent), ...inside.filter((mask) => !isCurrent(mask))];
  const parts = [`x ${Math.floor(at.x)}, y ${Math.floor(at.y)}`];
  if (ordered.length > 0) parts.push(`on ${ordered.map((s) => state.scopeName(s)).join(" and ")}`);
  if (state.mode.value === "segment" && !inside.some(isCurrent)) {
    const words = maskOf(layer, current) ? "outside" : "no mask of";
    parts.push(`${words} ${state.scopeName(current)}`);
  }
  if (target !== null) parts.push(`at ${target}`);
  return parts.join(", ");
}

/** By the even-odd rule, as it is drawn. */
export function isInMask(mask: Mask, at: Position): boolean {
  const [x, y] = [at.x - mask.x, at.y - mask.y];
  let inside = false;
  for (const loop of mask.loops) {
    for (let i = 0; i < loop.length; i += 2) {
      const j = (i + 2) % loop.length;
      const [x0, y0, y1] = [loop[i] ?? 0, loop[i + 1] ?? 0, loop[j + 1] ?? 0];
      // Outlines run along edges of pixels: a ray to the left crosses upright ones only.
      if (x0 <= x && y0 <= y !== y1 <= y) inside = !inside;
    }
  }
  return inside;
}

function maskOf(layer: Layer | undefined, scope: ScopeId): Mask | undefined {
  const key = scopeKey(scope);
  return layer?.masks.find((mask) => scopeKey(mask) === key && mask.loops.length > 0);
}

function scopesOf(state: ViewState, layer: Layer): ScopeId[] {
  const items = [...layer.masks, ...layer.points, ...layer.boxes];
  const byKey = new Map(items.map((item) => [scopeKey(item), item]));
  return [...byKey].filter(([key]) => !state.hidden.value.has(key)).map(([, item]) => item);
}

function contentOf(scope: ScopeId, layer: Layer | undefined): string[] {
  const key = scopeKey(scope);
  const mine = (item: ScopeId): boolean => scopeKey(item) === key;
  const mask = layer?.masks.find(mine);
  const points = layer?.points.filter(mine) ?? [];
  const positive = points.filter(({ label }) => label === 1).length;
  const negative = points.length - positive;
  const words = [
    mask ? maskText(mask) : "",
    positive > 0 ? some(positive, "positive point") : "",
    negative > 0 ? some(negative, "negative point") : "",
    layer?.boxes.some(mine) ? "a box" : "",
  ];
  return words.filter(Boolean);
}

function maskText(mask: Mask): string {
  if (mask.loops.length === 0) return "an empty mask";
  if (mask.source === "edit") return "a mask edited by hand";
  return mask.stale ? "an outdated mask" : "a mask";
}

function some(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
