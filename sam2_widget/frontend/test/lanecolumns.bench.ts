// How long it takes to make columns of the longest videos: `npx vitest bench`.
import { bench } from "vitest";
import { columnsOf } from "../src/lanecolumns.ts";
import { TRACK } from "../src/lanes.ts";
import { wholeSpan } from "../src/span.ts";
import { peaks } from "../src/suspects.ts";
import { laneOf } from "./lanes_of.ts";

const suspicion = Array.from({ length: 10_000 }, (_, frame) => (frame * 7919) % 251);
const flags = suspicion.map(() => TRACK);
const lanes = Array.from({ length: 10 }, () => laneOf(10_000, { flags, suspicion }));

bench("columns of 10 scopes of 10 000 frames, 1800 pixels wide", () => {
  for (const lane of lanes) columnsOf(lane, wholeSpan(10_000), 1800);
});

bench("their suspect frames", () => {
  for (const lane of lanes) peaks(lane.suspicion);
});
