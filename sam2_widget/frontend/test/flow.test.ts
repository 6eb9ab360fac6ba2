import { expect, test } from "vitest";
import { Flow } from "../src/flow.ts";

/** The limit after requests over a line that takes `base` ms, and `each` ms more per request before. */
function settled(flow: Flow, base: number, each: number): number {
  for (let answer = 0; answer < 60; answer++) flow.answered(base + each * flow.limit, flow.limit);
  return flow.limit;
}

test("a long line is filled", () => {
  expect(settled(new Flow(), 150, 0)).toBe(8);
});

test("where requests only queue, no more than four are sent", () => {
  const flow = new Flow();
  flow.answered(20, 1);
  expect(settled(flow, 0, 20)).toBe(4);
});

test("a line that became longer is filled again", () => {
  const flow = new Flow();
  settled(flow, 20, 0);
  expect(settled(flow, 60, 0)).toBeLessThan(8);
  for (let again = 0; again < 5; again++) settled(flow, 60, 0);
  expect(flow.limit).toBe(8);
});
