import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Dropped } from "../src/connection.ts";
import { Frames } from "../src/frames.ts";
import { Lru } from "../src/lru.ts";
import type { Frame, NotReady, Overlay } from "../src/messages.ts";
import { Overlays } from "../src/overlays.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["requestAnimationFrame", "cancelAnimationFrame"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets promises settle and an animation frame pass. */
async function tick(): Promise<void> {
  await vi.advanceTimersByTimeAsync(20);
  await new Promise((resolve) => setTimeout(resolve, 0));
}

interface Asked<T> {
  index: number;
  width?: number;
  answer(value: T): Promise<void>;
  fail(error: Error): Promise<void>;
}

function asking<T>(asked: Asked<T>[]): (index: number, width?: number) => Promise<T> {
  return (index, width) =>
    new Promise((resolve, reject) => {
      asked.push({
        index,
        width,
        answer: async (value) => {
          resolve(value);
          await tick();
        },
        fail: async (error) => {
          reject(error);
          await tick();
        },
      });
    });
}

describe("the cache", () => {
  const disposed: string[] = [];
  const cache = new Lru<string>({
    cost: 10,
    count: 3,
    costOf: (value) => value.length,
    dispose: (value) => disposed.push(value),
  });

  test("drops what was used least recently, but not what is on screen", () => {
    cache.keep = 1;
    cache.set(1, "aaa");
    cache.set(2, "bbb");
    cache.set(3, "ccc");
    cache.get(2);
    cache.set(4, "ddd");
    expect(cache.keys()).toEqual([1, 2, 4]);
    expect(disposed).toEqual(["ccc"]);
    expect(cache.cost).toBe(9);
  });

  test("disposes of what is replaced and of all in the end", () => {
    cache.set(2, "BBBB");
    cache.clear();
    expect(disposed).toEqual(["ccc", "bbb", "aaa", "ddd", "BBBB"]);
    expect([cache.size, cache.cost]).toEqual([0, 0]);
  });
});

describe("frames", () => {
  let asked: Asked<Frame | NotReady>[];
  let closed: number[];
  let errors: unknown[];
  let frames: Frames;

  beforeEach(() => {
    asked = [];
    closed = [];
    errors = [];
    frames = new Frames({
      request: asking(asked),
      decode: async (jpeg) => {
        const name = jpeg[0] ?? 0;
        return { width: 1000, height: 1000, close: () => closed.push(name) } as ImageBitmap;
      },
      failed: (error) => errors.push(error),
    });
    frames.setWidth(320);
  });

  const image = (index: number): Frame => ({
    kind: "frame",
    frame: index,
    width: 1,
    height: 1,
    overlay: null,
    buffers: [Uint8Array.of(index)],
  });
  const request = (index: number): Asked<Frame | NotReady> => {
    const found = asked.filter((entry) => entry.index === index).at(-1);
    if (!found) throw new Error(`Frame ${index} was not asked for`);
    return found;
  };

  test("only the latest wish of an animation frame is asked for", async () => {
    for (const index of [1, 2, 3]) frames.want(index);
    await tick();
    expect(asked.map(({ index }) => index)).toEqual([3]);
  });

  test("an answer to an earlier wish never replaces a later one", async () => {
    frames.want(1);
    await tick();
    frames.want(2);
    await tick();
    await request(2).answer(image(2));
    expect(frames.shown.value?.index).toBe(2);
    await request(1).answer(image(1));
    expect(frames.shown.value?.index).toBe(2);
    expect(frames.has(1)).toBe(true);
  });

  test("frames on the way are shown while scrubbing goes on", async () => {
    frames.want(1);
    await tick();
    frames.want(2);
    await tick();
    await request(1).answer(image(1));
    expect(frames.shown.value?.index).toBe(1);
  });

  test("a frame that became too small while it was on its way is asked for again", async () => {
    frames.want(1);
    await tick();
    frames.setWidth(640);
    frames.setWidth(1280);
    await tick();
    expect(asked.length).toBe(1);
    await request(1).answer(image(1));
    await tick();
    expect(asked.map(({ index, width }) => [index, width])).toEqual([
      [1, 320],
      [1, 1280],
    ]);
  });

  test("while one moves faster than images come they are half as wide, and whole at rest", async () => {
    for (const index of [1, 2, 3]) {
      frames.want(index);
      await tick();
    }
    expect(asked.map(({ index, width }) => [index, width])).toEqual([
      [1, 320],
      [2, 160],
      [3, 160],
    ]);
    for (const index of [1, 2, 3]) await request(index).answer(image(index));
    expect(frames.shown.value?.index).toBe(3);
    await vi.waitFor(() => expect(asked.length).toBe(4));
    expect([asked[3]?.index, asked[3]?.width]).toEqual([3, 320]);
  });

  test("what is fetched ahead is whole, also over frames that were passed fast", async () => {
    for (const index of [1, 2]) {
      frames.want(index);
      await tick();
    }
    for (const index of [1, 2]) await request(index).answer(image(index));
    frames.ahead([3, 1]);
    await tick();
    expect(asked.slice(2).map(({ index, width }) => [index, width])).toEqual([[3, 320]]);
  });

  test("no more large frames are fetched ahead than can be kept", async () => {
    frames.want(1);
    await tick();
    await request(1).answer(image(1));
    // 64 MB each.
    frames.setWidth(4096);
    await tick();
    frames.ahead([2, 3, 4, 5]);
    await tick();
    for (const index of [1, 2, 3]) await request(index).answer(image(index));
    expect(asked.map(({ index }) => index)).toEqual([1, 1, 2, 3]);
  });

  test("at most three are asked for ahead, one place kept for a wish", async () => {
    frames.want(0);
    await tick();
    await request(0).answer(image(0));
    frames.ahead([1, 2, 3, 4, 5, 6]);
    await tick();
    expect(asked.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    frames.want(40);
    await tick();
    expect(asked.map(({ index }) => index)).toEqual([0, 1, 2, 3, 40]);
  });

  test("while the wanted one is not here, nothing is fetched ahead", async () => {
    frames.want(0);
    await tick();
    await request(0).answer(image(0));
    frames.ahead([1, 2, 3, 4, 5, 6]);
    await tick();
    frames.want(40);
    await tick();
    for (const index of [1, 2, 3]) await request(index).answer(image(index));
    frames.ahead([4, 5, 6]);
    await tick();
    expect(asked.map(({ index }) => index)).toEqual([0, 1, 2, 3, 40]);
    await request(40).answer(image(40));
    frames.ahead([41, 42]);
    await tick();
    expect(asked.slice(5).map(({ index }) => index)).toEqual([41, 42]);
  });

  test("a frame that is not ready is asked for again when it is", async () => {
    frames.want(7);
    await tick();
    await request(7).answer({ kind: "not_ready", frame: 7, ready: 3, buffers: [] });
    frames.retry(7);
    await tick();
    expect(asked.length).toBe(1);
    frames.retry(8);
    await tick();
    expect(asked.length).toBe(2);
  });

  test("a request that got no answer is made again, a failed one only when wanted anew", async () => {
    frames.want(1);
    await tick();
    await request(1).fail(new Dropped());
    frames.retry(10);
    await tick();
    await request(1).fail(new Error("damaged"));
    frames.retry(10);
    await tick();
    expect(asked.length).toBe(2);
    expect(errors).toEqual([new Error("damaged")]);
    frames.want(1);
    await tick();
    expect(asked.length).toBe(3);
  });

  test("a wider canvas gets a better image; the old one is shown until then", async () => {
    frames.want(1);
    await tick();
    await request(1).answer(image(1));
    frames.setWidth(640);
    await tick();
    expect(request(1).width).toBe(640);
    expect(closed).toEqual([]);
    await request(1).answer(image(1));
    expect(closed).toEqual([1]);
    expect(frames.shown.value?.index).toBe(1);
  });

  test("memory stays within its budget, and all images are closed in the end", async () => {
    for (let index = 0; index < 100; index++) {
      frames.want(index);
      await tick();
      await request(index).answer(image(index));
    }
    expect(closed.length).toBe(100 - 67);
    frames.close();
    expect(new Set(closed).size).toBe(100);
  });

  test("an image that arrives after the end is closed", async () => {
    frames.want(1);
    await tick();
    frames.close();
    await request(1).answer(image(1));
    expect(closed).toEqual([1]);
    expect(frames.shown.value).toBeNull();
  });
});

describe("overlays", () => {
  let asked: Asked<Overlay>[];
  let errors: unknown[];
  let overlays: Overlays;

  beforeEach(() => {
    asked = [];
    errors = [];
    overlays = new Overlays({ request: asking(asked), failed: (error) => errors.push(error) });
  });

  const layer = (frame: number, revision: number): Overlay => ({
    kind: "overlay",
    frame,
    revision,
    masks: [],
    points: [],
    boxes: [],
    keypoints: [],
    step: null,
    buffers: [],
  });
  const revision = (frame: number): number | undefined => overlays.get(frame)?.revision;

  test("an outdated layer stays until its successor is here", async () => {
    await overlays.put(layer(3, 10));
    overlays.want(3);
    overlays.invalidate([[0, 5]], 11);
    await tick();
    expect(revision(3)).toBe(10);
    await asked[0]?.answer(layer(3, 11));
    expect(revision(3)).toBe(11);
    expect(asked.length).toBe(1);
  });

  test("changes of other frames ask for nothing", async () => {
    await overlays.put(layer(3, 10));
    overlays.want(3);
    overlays.invalidate([[4, 50]], 11);
    await tick();
    expect(asked.length).toBe(0);
  });

  test("a late answer never replaces a newer one", async () => {
    overlays.want(3);
    await tick();
    await overlays.put(layer(3, 12));
    await asked[0]?.answer(layer(3, 11));
    expect(revision(3)).toBe(12);
  });

  test("an overlay comes along with the image of its frame, unless it is here", async () => {
    const wishes: boolean[] = [];
    const ask = (overlay: boolean): Promise<Frame> => {
      wishes.push(overlay);
      const [image, { kind: _, buffers: __, ...fields }] = [Uint8Array.of(1), layer(3, 11)];
      const frame = { kind: "frame" as const, frame: 3, width: 1, height: 1 };
      return Promise.resolve({ ...frame, overlay: overlay ? fields : null, buffers: [image] });
    };
    await overlays.along(3, ask);
    overlays.want(3);
    await overlays.along(3, ask);
    overlays.invalidate([[3, 4]], 12);
    await overlays.along(3, ask);
    await tick();
    expect(wishes).toEqual([true, false, true]);
    expect(asked.length).toBe(0);
    expect(revision(3)).toBe(11);
  });

  test("what changed while its overlay came along is asked for again", async () => {
    let answer = (_: Frame): void => {};
    const coming = overlays.along(3, () => new Promise<Frame>((resolve) => (answer = resolve)));
    overlays.invalidate([[3, 4]], 12);
    const [image, { kind: _, buffers: __, ...overlay }] = [Uint8Array.of(1), layer(3, 11)];
    answer({ kind: "frame", frame: 3, width: 1, height: 1, overlay, buffers: [image] });
    await coming;
    overlays.want(3);
    await tick();
    expect(asked.map(({ index }) => index)).toEqual([3]);
  });

  test("a damaged overlay that came along is told of; the image is shown all the same", async () => {
    const masks = [{ instance: 1, region: "overall", color: "#000000", source: "click" }].map(
      (item) => ({
        ...item,
        ...{ stale: false, model: "", x: 0, y: 0, width: 8, height: 8, buffer: 0 },
      }),
    );
    const { kind: _, buffers: __, ...fields } = { ...layer(3, 11), masks };
    const frame: Frame = {
      ...{ kind: "frame", frame: 3, width: 1, height: 1 },
      ...{ overlay: fields, buffers: [Uint8Array.of(1)] },
    };
    expect(await overlays.along(3, () => Promise.resolve(frame))).toBe(frame);
    expect(errors).toEqual([new Error("The buffer of a mask is missing.")]);
  });

  test("what changed while its overlay was on the way is asked for again", async () => {
    overlays.want(3);
    await tick();
    overlays.invalidate([[3, 4]], 12);
    await asked[0]?.answer(layer(3, 11));
    expect(asked.length).toBe(2);
    await asked[1]?.answer(layer(3, 12));
    expect(asked.length).toBe(2);
  });

  test("an answer that is as new as it can be ends the asking", async () => {
    overlays.want(0);
    overlays.invalidate(null, 20);
    await tick();
    await asked[0]?.answer(layer(0, 5));
    await tick();
    expect(asked.length).toBe(1);
  });

  test("an error is told once and not asked into again until something changes", async () => {
    overlays.want(3);
    await tick();
    await asked[0]?.fail(new Error("broken"));
    await tick();
    expect([asked.length, errors.length]).toEqual([1, 1]);
    overlays.invalidate([[9, 10]], 13);
    await tick();
    expect(asked.length).toBe(2);
  });

  test("those that a lost kernel dropped are asked for again by what comes after it, not before", async () => {
    overlays.ahead([4, 5]);
    await tick();
    for (const { fail } of asked.slice()) await fail(new Dropped("gone"));
    await tick();
    expect([asked.length, errors.length]).toEqual([2, 0]);
    overlays.invalidate(null, 13);
    overlays.ahead([4, 5]);
    await tick();
    expect(asked.map(({ index }) => index)).toEqual([4, 5, 4, 5]);
  });

  test("their number is bounded", async () => {
    for (let frame = 0; frame < 2100; frame++) await overlays.put(layer(frame, 1));
    expect(overlays.has(50)).toBe(false);
    expect(overlays.has(2099)).toBe(true);
  });
});
