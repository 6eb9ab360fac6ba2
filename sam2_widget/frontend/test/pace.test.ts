import { expect, test } from "vitest";
import { Pace } from "../src/pace.ts";

/** The limit after requests over a line that takes `base` ms, and `each` ms more per request before. */
function settled(pace: Pace, base: number, each: number): number {
  for (let answer = 0; answer < 60; answer++) pace.answered(base + each * pace.limit, pace.limit);
  return pace.limit;
}

test("a long line is filled", () => {
  expect(settled(new Pace(), 150, 0)).toBe(8);
});

test("where requests only queue, no more than four are sent", () => {
  const pace = new Pace();
  pace.answered(20, 1);
  expect(settled(pace, 0, 20)).toBe(4);
});

test("a line that became longer is filled again", () => {
  const pace = new Pace();
  settled(pace, 20, 0);
  expect(settled(pace, 60, 0)).toBeLessThan(8);
  for (let again = 0; again < 5; again++) settled(pace, 60, 0);
  expect(pace.limit).toBe(8);
});
