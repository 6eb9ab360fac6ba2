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
let asked: number[][];
let playback: Playback;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  state = new ViewState();
  state.shared.value = parseAnswer(goldenAnswer("state").content, []) as State;
  here = () => true;
  masked = () => true;
  asked = [];
  const frames = {
    has: (frame: number) => here(frame),
    ahead: (indices: readonly number[]) => {
      ahead = indices;
      asked.push([...indices]);
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

/** The frames that were on screen, in order. */
function watch(): number[] {
  const seen: number[] = [];
  state.frame.subscribe((frame) => {
    seen.push(frame);
    playback.prefetch(frame);
  });
  return seen;
}

test.each([
  [0.25, 6],
  [2, 50],
])("at %d times the speed one second is %d frames", async (speed, frames) => {
  state.look.speed.value = speed;
  playback.play();
  await pass(1000);
  expect(Math.abs(state.frame.value - frames)).toBeLessThanOrEqual(2);
});

test("another speed goes on from where it is", async () => {
  playback.play();
  await pass(1000);
  state.look.speed.value = 0.5;
  await pass(1000);
  expect(Math.abs(state.frame.value - 37)).toBeLessThanOrEqual(2);
});

test("a loop goes round its range, and fetches its start before its end is reached", async () => {
  state.look.value = { range: [10, 19], loop: true };
  state.frame.value = 3;
  const seen = watch();
  playback.play();
  await pass(1000);
  expect(new Set(seen.slice(1))).toEqual(new Set([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]));
  expect(seen.filter((frame) => frame === 10).length).toBe(3);
  expect(seen.lastIndexOf(10)).toBeGreaterThan(seen.indexOf(19));
  const at15 = asked[seen.indexOf(15)] ?? [];
  expect(asked.some(([first]) => first === 16)).toBe(true);
  expect(at15.every((frame) => frame >= 10 && frame <= 19)).toBe(true);
  expect(ahead.length).toBe(9);
  expect(state.playing.value).toBe(true);
});

test("a loop without a range goes round the whole video", async () => {
  state.look.loop.value = true;
  state.frame.value = 59;
  playback.play();
  expect(state.frame.value).toBe(59);
  await pass(200);
  expect([state.frame.value < 10, state.playing.value]).toEqual([true, true]);
});

test("a range is no bound without the loop", async () => {
  state.look.range.value = [10, 19];
  state.frame.value = 15;
  playback.play();
  await pass(1000);
  expect(state.frame.value).toBeGreaterThan(30);
});

test("a range that is set while playing is gone to", async () => {
  state.look.loop.value = true;
  playback.play();
  await pass(400);
  state.look.range.value = [40, 42];
  await pass(300);
  expect(state.frame.value).toBeGreaterThanOrEqual(40);
  expect(state.frame.value).toBeLessThanOrEqual(42);
});

test("a loop waits at its end for the pictures of its start", async () => {
  state.look.value = { range: [10, 30], loop: true };
  state.frame.value = 25;
  here = (frame) => frame > 20;
  playback.play();
  await pass(3000);
  expect([state.frame.value, state.playing.value]).toEqual([30, true]);
  here = () => true;
  await pass(200);
  expect(state.frame.value).toBeLessThan(20);
});

test("four times as fast only those frames are fetched that can be shown", async () => {
  state.look.speed.value = 4;
  here = (frame) => frame % 4 === 0;
  const seen = watch();
  playback.play();
  expect(ahead.slice(0, 3)).toEqual([4, 8, 12]);
  expect(ahead.at(-1)).toBe(59);
  await pass(400);
  expect(seen.every((frame) => frame % 4 === 0)).toBe(true);
  expect(state.frame.value).toBeGreaterThanOrEqual(36);
});

test("begins with the first frame, which it waits for", async () => {
  state.look.value = { range: [20, 26], loop: true };
  here = (frame) => frame !== 20;
  const seen = watch();
  playback.play();
  await pass(200);
  expect(state.frame.value).toBe(20);
  here = () => true;
  await pass(100);
  expect(seen.slice(0, 4)).toEqual([0, 20, 21, 22]);
});

test("a video of few frames per second moves on", async () => {
  const shared = state.shared.value as State;
  state.shared.value = { ...shared, video: { ...shared.video, fps: 1 } };
  playback.play();
  await pass(3100);
  expect(state.frame.value).toBe(3);
});
