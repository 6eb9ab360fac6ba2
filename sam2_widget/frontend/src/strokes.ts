// The strokes that are drawn on a frame and not answered yet, with the masks that they change.
import type { Mask } from "./mask.ts";
import { type PendingStroke, type ScopeId, scopeKey } from "./state.ts";

/** A mask on its way to what Python will answer. */
export interface Painting {
  /** What is painted on; null where the scope has nothing on this frame. */
  mask: Mask | null;
  color: string;
  /** In the order in which they were drawn. */
  strokes: readonly PendingStroke[];
}

/** Strokes by scope; `masks` are those that are seen on this frame. */
export function paintingsOf(
  strokes: readonly PendingStroke[],
  masks: readonly Mask[],
  colorOf: (scope: ScopeId) => string,
): Painting[] {
  const scopes = new Map(strokes.map((stroke) => [scopeKey(stroke), stroke]));
  return [...scopes].map(([key, scope]) => ({
    mask: masks.find((mask) => scopeKey(mask) === key) ?? null,
    color: colorOf(scope),
    strokes: strokes.filter((stroke) => scopeKey(stroke) === key),
  }));
}
