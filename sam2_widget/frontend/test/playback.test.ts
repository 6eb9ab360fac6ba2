import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Frames } from "../src/frames.ts";
import { parseAnswer, type State } from "../src/messages.ts";
import type { Overlays } from "../src/overlays.ts";
import { Playback } from "../src/playback.ts";
import { ViewState } from "../src/state.ts";
import { goldenAnswer } from "./golden.ts";

let state: ViewState;
let here: (frame: number) => boolean;
let masked: (frame: number) => boolean;
let ahead: readonly number[];
let playback: Playback;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  state = new ViewState();
  state.shared.value = parseAnswer(goldenAnswer("state").content, []) as State;
  here = () => true;
  masked = () => true;
  const frames = {
    has: (frame: number) => here(frame),
    ahead: (indices: readonly number[]) => {
      ahead = indices;
    },
  };
  const overlays = { has: (frame: number) => masked(frame), ahead: () => {} };
  playback = new Playback(state, frames as unknown as Frames, overlays as unknown as Overlays);
});
afterEach(() => {
  playback.pause();
  vi.useRealTimers();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

test("plays at the video's speed and stops at its end", async () => {
  playback.toggle();
  await pass(1000);
  expect(state.frame.value).toBeGreaterThanOrEqual(24);
  expect(state.frame.value).toBeLessThanOrEqual(25);
  await pass(3000);
  expect([state.frame.value, state.playing.value]).toEqual([59, false]);
  playback.toggle();
  expect(state.frame.value).toBe(0);
});

test("leaves out frames that are not here in time", async () => {
  here = (frame) => frame % 5 === 0;
  const seen = new Set<number>();
  state.frame.subscribe((frame) => seen.add(frame));
  playback.play();
  await pass(1000);
  expect([...seen]).toEqual([0, 5, 10, 15, 20]);
});

test("never shows a frame before its masks", async () => {
  masked = (frame) => frame < 3;
  playback.play();
  await pass(1000);
  expect(state.frame.value).toBe(2);
});

test("waits for pictures instead of running ahead, then goes on from there", async () => {
  here = () => false;
  playback.play();
  await pass(5000);
  expect([state.frame.value, state.playing.value]).toEqual([0, true]);
  here = () => true;
  await pass(200);
  expect(state.frame.value).toBeGreaterThan(0);
  expect(state.frame.value).toBeLessThan(20);
});

test("stops when somebody else moves the view", async () => {
  playback.play();
  await pass(200);
  state.frame.value = 40;
  await pass(200);
  expect([state.frame.value, state.playing.value]).toEqual([40, false]);
});

test("a seek stays within the video and fetches in its direction", () => {
  playback.seek(1000);
  expect(state.frame.value).toBe(59);
  playback.seek(30);
  playback.prefetch(30);
  expect(ahead.slice(0, 2)).toEqual([29, 28]);
});
