import { describe, expect, test } from "vitest";
import { columnsOf, eachRun, PROMPTS, presence, spotsOf } from "../src/lanecolumns.ts";
import { BOX, CLICK, EDIT, NEGATIVE, POSITIVE, SOURCE, STALE, TRACK } from "../src/lanes.ts";
import { wholeSpan } from "../src/span.ts";
import { laneOf } from "./lanes_of.ts";

const sources = (flags: Uint8Array): number[] => [...flags].map((flag) => flag & SOURCE);

describe("columns", () => {
  test("of wide frames repeat them, each frame over its own cell", () => {
    const { flags } = columnsOf(laneOf(3, { flags: [CLICK, 0, TRACK] }), wholeSpan(3), 9);
    expect(sources(flags)).toEqual([1, 1, 1, 0, 0, 0, 2, 2, 2]);
  });

  test("of narrow frames tell the rarest source, and whether some frames lack a mask", () => {
    const flags = [TRACK, EDIT, TRACK, TRACK, TRACK, TRACK, CLICK, 0, 0, 0, 0, 0];
    const columns = columnsOf(laneOf(12, { flags }), wholeSpan(12), 4);
    expect(sources(columns.flags)).toEqual([EDIT, TRACK, CLICK, 0]);
    expect([...columns.partly]).toEqual([0, 0, 1, 0]);
  });

  test("take in every frame exactly once, so that no peak is lost between two", () => {
    const length = 997;
    for (let frame = 0; frame < length; frame++) {
      const lane = laneOf(length);
      lane.suspicion[frame] = 200;
      const { suspicion } = columnsOf(lane, wholeSpan(length), 100);
      expect([...suspicion].filter((value) => value === 200)).toHaveLength(1);
    }
  });

  test("tell of stale masks and of low scores, where 0 is unknown", () => {
    const planes = { flags: [TRACK, TRACK | STALE, TRACK, TRACK], score: [0, 127, 128, 255] };
    const { flags, low } = columnsOf(laneOf(4, planes), wholeSpan(4), 4);
    expect([...flags].map((flag) => (flag & STALE) > 0)).toEqual([false, true, false, false]);
    expect([...low]).toEqual([0, 1, 0, 0]);
  });

  test("show the frames of the span only", () => {
    const { flags } = columnsOf(
      laneOf(8, { flags: [0, 0, CLICK, TRACK] }),
      { start: 2, length: 2 },
      4,
    );
    expect(sources(flags)).toEqual([1, 1, 2, 2]);
  });

  test("of 10 000 frames are as many as there are pixels, and hold the maximum", () => {
    const suspicion = Array.from({ length: 10_000 }, (_, frame) => (frame * 7919) % 251);
    const lane = laneOf(10_000, { suspicion, flags: new Array(10_000).fill(TRACK) });
    const columns = columnsOf(lane, wholeSpan(10_000), 800);
    expect(columns.flags).toHaveLength(800);
    expect(columns.flags.every((flag) => flag === TRACK)).toBe(true);
    expect(columns.partly.some((value) => value > 0)).toBe(false);
    expect(columns.suspicion[0]).toBe(Math.max(...suspicion.slice(0, 12)));
  });

  test("beyond what is known are empty", () => {
    const { flags } = columnsOf(laneOf(2, { flags: [TRACK, TRACK] }), wholeSpan(4), 4);
    expect([...flags]).toEqual([TRACK, TRACK, 0, 0]);
  });
});

test("runs join columns that hold the same", () => {
  const runs: number[][] = [];
  eachRun(new Uint8Array([0, 0, 5, 5, 5, 1]), (...run) => runs.push(run));
  expect(runs).toEqual([
    [0, 0, 2],
    [5, 2, 5],
    [1, 5, 6],
  ]);
});

describe("spots", () => {
  test("lie in the middle of their frame", () => {
    const flags = new Uint8Array([POSITIVE | CLICK, 0, 0, BOX]);
    expect(spotsOf(flags, PROMPTS, wholeSpan(4), 0.01)).toEqual([
      { at: 0.125, bits: POSITIVE },
      { at: 0.875, bits: BOX },
    ]);
  });

  test("that would cover each other are one", () => {
    const flags = new Uint8Array(1000);
    flags[500] = POSITIVE;
    flags[501] = NEGATIVE;
    expect(spotsOf(flags, PROMPTS, wholeSpan(1000), 0.01)).toEqual([
      { at: 0.5005, bits: POSITIVE | NEGATIVE },
    ]);
  });

  test("are no more than fit, however many frames have prompts", () => {
    const flags = new Uint8Array(10_000).fill(POSITIVE);
    expect(spotsOf(flags, PROMPTS, wholeSpan(10_000), 0.01).length).toBeLessThanOrEqual(101);
  });
});

test("keypoints are there in a column when any of its frames has some", () => {
  expect([...presence(new Uint8Array([0, 0, 3, 0, 0, 0]), wholeSpan(6), 3)]).toEqual([0, 1, 0]);
});
