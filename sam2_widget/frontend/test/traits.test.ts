import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DEFAULT_LOOK } from "../src/look.ts";
import { ViewState } from "../src/state.ts";
import { linkTraits } from "../src/traits.ts";
import { FakeModel } from "./fake_model.ts";

let model: FakeModel;
let state: ViewState;
let unlink: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  model = new FakeModel();
  Object.assign(model.traits, { frame_index: 7, instance: 2, region: "shaft" });
  state = new ViewState();
  unlink = linkTraits(model, state);
});
afterEach(() => {
  unlink();
  vi.useRealTimers();
});

test("a view starts where the model is, and tells nobody", () => {
  expect([state.frame.value, state.instance.value, state.region.value]).toEqual([7, 2, "shaft"]);
  expect(model.saves).toBe(0);
});

test("scrubbing sets the trait at once, then ten times a second, and exactly at rest", async () => {
  const seen: number[] = [];
  model.on("change:frame_index", () => seen.push(model.traits.frame_index));
  for (let frame = 10; frame < 60; frame++) {
    state.frame.value = frame;
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(200);
  expect(seen[0]).toBe(10);
  expect(seen.at(-1)).toBe(59);
  expect(seen.length).toBeLessThanOrEqual(7);
});

test("a change from Python moves the view and is not echoed", async () => {
  model.set("frame_index", 30);
  await vi.advanceTimersByTimeAsync(500);
  expect(state.frame.value).toBe(30);
  expect(model.saves).toBe(0);
});

test("a change from Python in the middle of scrubbing wins", async () => {
  state.frame.value = 10;
  state.frame.value = 11;
  model.set("frame_index", 40);
  await vi.advanceTimersByTimeAsync(500);
  expect(state.frame.value).toBe(40);
  expect(model.traits.frame_index).toBe(40);
});

test("a change from Python that crosses ours wins, also when ours comes back", async () => {
  state.frame.value = 44;
  model.set("frame_index", 20);
  model.set("frame_index", 44);
  await vi.advanceTimersByTimeAsync(500);
  expect([state.frame.value, model.traits.frame_index]).toEqual([20, 20]);
  model.set("frame_index", 44);
  expect(state.frame.value).toBe(44);
});

test("two views of one model follow each other without end to the echo", async () => {
  const other = new ViewState();
  const unlinkOther = linkTraits(model, other);
  state.frame.value = 20;
  state.instance.value = 5;
  await vi.advanceTimersByTimeAsync(1000);
  other.frame.value = 25;
  await vi.advanceTimersByTimeAsync(1000);
  expect([state.frame.value, other.frame.value, other.instance.value]).toEqual([25, 25, 5]);
  expect(model.saves).toBe(3);
  unlinkOther();
});

test("the picked instance and region are told at once", () => {
  state.instance.value = 3;
  state.region.value = "wrist";
  expect(model.traits).toMatchObject({ instance: 3, region: "wrist" });
});

test("hidden scopes are linked both ways, and the same list again is no change", async () => {
  model.set("hidden", [[2, "shaft"]]);
  expect([...state.hidden.value]).toEqual(["2/shaft"]);
  const before = state.hidden.value;
  model.set("hidden", [[2, "shaft"]]);
  await vi.advanceTimersByTimeAsync(500);
  expect(state.hidden.value).toBe(before);
  expect(model.saves).toBe(0);
  state.hide(["1/overall"], true);
  expect(model.traits.hidden).toEqual([
    [2, "shaft"],
    [1, "overall"],
  ]);
  state.hide(["1/overall", "2/shaft"], false);
  expect(model.traits.hidden).toEqual([]);
  expect(model.saves).toBe(2);
});

test("nothing is told after the end", async () => {
  state.frame.value = 10;
  state.frame.value = 11;
  unlink();
  await vi.advanceTimersByTimeAsync(500);
  expect(model.traits.frame_index).toBe(10);
  expect(model.callbacks).toEqual([]);
});

test("a look is linked both ways, and what Python leaves out is as by default", async () => {
  state.look.opacity.value = 0.2;
  expect(model.traits.look).toEqual({ ...DEFAULT_LOOK, opacity: 0.2 });
  expect(model.saves).toBe(1);
  await vi.advanceTimersByTimeAsync(2000);
  model.set("look", { ...DEFAULT_LOOK, range: [3, 9], speed: 2 });
  expect([state.look.opacity.value, state.look.range.value, state.look.speed.value]).toEqual([
    DEFAULT_LOOK.opacity,
    [3, 9],
    2,
  ]);
  expect(model.saves).toBe(1);
});
