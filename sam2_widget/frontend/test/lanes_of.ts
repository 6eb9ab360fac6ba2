// Lanes for tests: what Python would have told, and what the timeline needs of `Lanes`.
import { signal } from "@preact/signals-core";
import type { KeypointLane, Lane, Lanes } from "../src/lanes.ts";
import { type ScopeId, scopeKey } from "../src/state.ts";

export type Planes = Partial<Record<"flags" | "suspicion" | "cause" | "score" | "area", number[]>>;

/** A lane of `length` frames; planes are given from the first frame on, the rest is 0. */
export function laneOf(length: number, planes: Planes = {}, scope?: ScopeId): Lane {
  const plane = (values: number[] = []): Uint8Array => {
    const filled = new Uint8Array(length);
    filled.set(values);
    return filled;
  };
  return {
    ...(scope ?? { instance: 1, region: "overall" }),
    flags: plane(planes.flags),
    suspicion: plane(planes.suspicion),
    cause: plane(planes.cause),
    score: plane(planes.score),
    area: plane(planes.area),
  };
}

export function lanesOf(scopes: readonly Lane[], keypoints: readonly KeypointLane[] = []): Lanes {
  const of = (scope: ScopeId): Lane | undefined =>
    scopes.find((lane) => scopeKey(lane) === scopeKey(scope));
  const length = scopes[0]?.flags.length ?? 0;
  return { version: signal(0), length, scopes, keypoints, of } as Partial<Lanes> as Lanes;
}
