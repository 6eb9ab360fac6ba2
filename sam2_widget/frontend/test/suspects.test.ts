import { describe, expect, test } from "vitest";
import { factsAt, laneSummary } from "../src/lanefacts.ts";
import {
  AREA_CHANGE,
  CENTROID_JUMP,
  CLICK,
  EDIT,
  LOW_SCORE,
  NEGATIVE,
  POSITIVE,
  STALE,
  TRACK,
  VANISHED,
} from "../src/lanes.ts";
import { causeText, neighbour, peaks } from "../src/suspects.ts";
import { laneOf } from "./lanes_of.ts";

describe("suspect frames", () => {
  test("are the peaks of runs above the threshold, of equals the first", () => {
    const suspicion = new Uint8Array([0, 130, 200, 200, 150, 127, 0, 128, 100, 255]);
    expect(peaks(suspicion)).toEqual([2, 7, 9]);
    expect(peaks(new Uint8Array(4))).toEqual([]);
  });

  test("are gone to one by one, and not round the end", () => {
    const frames = [2, 7, 9];
    expect(neighbour(frames, 2, 1)).toBe(7);
    expect(neighbour(frames, 9, 1)).toBeUndefined();
    expect(neighbour(frames, 7, -1)).toBe(2);
    expect(neighbour(frames, 0, -1)).toBeUndefined();
  });
});

describe("a cause in words", () => {
  test.each<[number[], string]>([
    [[200, 100], "the area shrank by half"],
    [[200, 60], "the area shrank by 70 %"],
    [[100, 200], "the area doubled"],
    [[100, 150], "the area grew by 50 %"],
    [[50, 200], "the area grew to 4 times its size"],
    [[200, 200, 100], "on the next frame the area shrank by half"],
    [[2, 4], "the area changed much"],
  ])("of the areas %j is: %s", (area, text) => {
    const lane = laneOf(3, { area, cause: [0, AREA_CHANGE], flags: [TRACK, TRACK, 0] });
    expect(causeText(lane, 1)).toBe(text);
  });

  test("names the score, a jump and what is there", () => {
    const cause = [LOW_SCORE, CENTROID_JUMP, VANISHED, VANISHED, VANISHED, 0];
    const area = [200, 200, 0, 200, 200, 200];
    const lane = laneOf(6, { cause, area, flags: [2, 2, 2, 2, 2, 2] });
    expect([0, 1, 2, 3, 5].map((frame) => causeText(lane, frame))).toEqual([
      "the model is not sure that the object is there",
      "the mask jumped",
      "the object vanished",
      "the object came back",
      "the track is doubtful",
    ]);
  });
});

describe("facts", () => {
  const lane = laneOf(5, {
    flags: [CLICK | POSITIVE | NEGATIVE, TRACK, TRACK | STALE, EDIT, 0],
    score: [0, 200, 100, 0, 0],
    area: [200, 190, 110, 110, 0],
    suspicion: [0, 0, 220, 0, 0],
    cause: [0, 0, LOW_SCORE, 0, 0],
  });

  test("say what made the mask, and what is unusual", () => {
    expect([0, 1, 3, 4].map((frame) => factsAt(lane, frame))).toEqual([
      "clicked, prompts + −",
      "tracked",
      "edited by hand",
      "no mask",
    ]);
    expect(factsAt(lane, 2)).toBe(
      "tracked, stale, score low, area −42 %, suspect: the model is not sure that the object is there",
    );
  });

  test("of a whole lane are one sentence", () => {
    expect(laneSummary("1 · overall", lane)).toBe(
      "1 · overall: masks on 4 of 5 frames, 1 stale, prompts on 1, 1 suspect",
    );
  });
});
