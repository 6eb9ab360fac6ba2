import { deflateSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Dropped } from "../src/connection.ts";
import { CENTROID_JUMP, CLICK, Lanes, POSITIVE, SOURCE, STALE, TRACK } from "../src/lanes.ts";
import { type LanesAnswer, parseAnswer, type State } from "../src/messages.ts";
import { dataView, goldenAnswer } from "./golden.ts";
import { Page } from "./page.ts";

const SHAFT = { instance: 2, region: "shaft" };
const OVERALL = { instance: 1, region: "overall" };

interface Asked {
  since: number;
  /** Answers, and waits until that was taken in or refused. */
  answer(answer: LanesAnswer): Promise<void>;
  resolve(answer: LanesAnswer): void;
  reject(error: Error): void;
}

let asked: Asked[];
let errors: unknown[];
let lanes: Lanes;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  asked = [];
  errors = [];
  lanes = new Lanes({
    request: (since) =>
      new Promise((resolve, reject) => {
        asked.push({
          since,
          answer: (answer) => outcome(() => resolve(answer)),
          resolve,
          reject,
        });
      }),
    failed: (error) => errors.push(error),
  });
});
afterEach(() => {
  lanes.close();
  vi.useRealTimers();
});

/** Waits for what takes turns of the event loop but no time, such as unpacking an answer. */
async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error("not yet");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Waits until something was taken in, or told as an error. */
async function outcome(act: () => void): Promise<void> {
  const before = lanes.version.value + errors.length;
  act();
  await until(() => lanes.version.value + errors.length > before);
}

const last = (): Asked => {
  const found = asked.at(-1);
  if (!found) throw new Error("Nothing was asked for");
  return found;
};

/** Python tells that something changed. */
function tell(changes: Partial<State> = {}, fresh = false): void {
  const { content } = goldenAnswer("state");
  lanes.update({ ...(parseAnswer(content, []) as State), ...changes }, fresh);
}

const golden = (): LanesAnswer => {
  const { content, buffers } = goldenAnswer("lanes");
  return parseAnswer(content, buffers.map(dataView)) as LanesAnswer;
};

/** An answer about scopes, each with its planes on the frames of the ranges. */
function answer(
  revision: number,
  length: number,
  ranges: [number, number][],
  scopes: [{ instance: number; region: string }, number[][]][],
  keypoints: [number, number[]][] = [],
): LanesAnswer {
  const planes = [...scopes.map(([, each]) => each.flat()), ...keypoints.map(([, each]) => each)];
  return {
    kind: "lanes",
    revision,
    length,
    ranges,
    scopes: scopes.map(([scope], buffer) => ({ ...scope, buffer })),
    keypoints: keypoints.map(([instance], index) => ({ instance, buffer: scopes.length + index })),
    buffers: planes.map((each) => new Uint8Array(deflateSync(Uint8Array.from(each)))),
  };
}

/** Planes of which only the flags say something. */
const flags = (...values: number[]): number[][] => [
  values,
  ...Array.from({ length: 4 }, () => values.map(() => 0)),
];

const flagsOf = (scope = OVERALL): number[] => [...(lanes.of(scope)?.flags ?? [])];

describe("lanes", () => {
  test("the golden answer is taken in, frame by frame", async () => {
    tell({}, true);
    expect(last().since).toBe(0);
    await last().answer(golden());
    expect(errors).toEqual([]);
    expect([lanes.version.value, lanes.length]).toEqual([1, 8]);
    expect(lanes.scopes).toEqual([
      {
        ...SHAFT,
        flags: Uint8Array.of(POSITIVE | CLICK, STALE | TRACK, 0, 0, 0, STALE | TRACK, 0, 0),
        suspicion: Uint8Array.of(0, 200, 0, 0, 0, 30, 0, 0),
        cause: Uint8Array.of(0, CENTROID_JUMP, 0, 0, 0, 1, 0, 0),
        score: Uint8Array.of(250, 0, 0, 0, 0, 128, 0, 0),
        area: Uint8Array.of(255, 10, 0, 0, 0, 1, 0, 0),
      },
    ]);
    expect(lanes.keypoints).toEqual([
      { instance: 1, counts: Uint8Array.of(0, 3, 0, 0, 0, 255, 0, 0) },
    ]);
    expect((lanes.of(SHAFT)?.flags[1] ?? 0) & SOURCE).toBe(TRACK);
    expect(lanes.of(OVERALL)).toBeUndefined();
  });

  test("what changed is laid over what was there", async () => {
    tell({}, true);
    await last().answer(
      answer(5, 4, [[0, 4]], [[OVERALL, flags(1, 2, 2, 2)]], [[1, [1, 1, 1, 1]]]),
    );
    tell();
    await vi.advanceTimersByTimeAsync(250);
    expect(last().since).toBe(5);
    const some: [number, number][] = [
      [0, 1],
      [2, 4],
    ];
    await last().answer(
      answer(
        7,
        4,
        some,
        [
          [OVERALL, flags(9, 8, 7)],
          [SHAFT, flags(0, 0, 1)],
        ],
        [[1, [0, 2, 3]]],
      ),
    );
    expect(lanes.scopes.map(({ region }) => region)).toEqual(["overall", "shaft"]);
    expect(flagsOf()).toEqual([9, 2, 8, 7]);
    expect(flagsOf(SHAFT)).toEqual([0, 0, 0, 1]);
    expect([...(lanes.keypoints[0]?.counts ?? [])]).toEqual([0, 1, 2, 3]);
    expect(lanes.version.value).toBe(2);
  });

  test("a scope that is no longer listed is gone, and begins anew when it is back", async () => {
    tell({}, true);
    await last().answer(answer(5, 3, [[0, 3]], [[OVERALL, flags(1, 2, 2)]], [[1, [1, 1, 1]]]));
    tell();
    await vi.advanceTimersByTimeAsync(250);
    await last().answer(answer(6, 3, [[0, 3]], []));
    expect([lanes.scopes, lanes.keypoints]).toEqual([[], []]);
    tell();
    await vi.advanceTimersByTimeAsync(250);
    await last().answer(answer(7, 3, [[1, 2]], [[OVERALL, flags(1)]]));
    expect(flagsOf()).toEqual([0, 1, 0]);
  });

  test("arrays grow and shrink with the video", async () => {
    tell({}, true);
    await last().answer(answer(5, 2, [[0, 2]], [[OVERALL, flags(1, 2)]]));
    for (const [length, expected] of [
      [4, [1, 2, 0, 3]],
      [1, [1]],
    ] as const) {
      tell();
      await vi.advanceTimersByTimeAsync(250);
      const told: [number, number][] = length > 2 ? [[2, 4]] : [];
      await last().answer(answer(6, length, told, [[OVERALL, length > 2 ? flags(0, 3) : flags()]]));
      expect(flagsOf()).toEqual(expected);
      expect(lanes.length).toBe(length);
    }
  });
});

describe("asking", () => {
  test("goes on four times a second while changes go on, one request at a time", async () => {
    tell({}, true);
    for (let time = 0; time < 1000; time += 50) {
      tell();
      await vi.advanceTimersByTimeAsync(50);
      expect(asked.length).toBe(1);
    }
    await last().answer(golden());
    await until(() => asked.length === 2);
    let answered = 1;
    for (let time = 0; time < 1000; time += 50) {
      if (asked.length > answered) {
        answered++;
        await last().answer(golden());
      }
      tell();
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(asked.length).toBe(6);
  });

  test("never loses the last change", async () => {
    tell({}, true);
    tell();
    await last().answer(golden());
    await vi.advanceTimersByTimeAsync(249);
    expect(asked.length).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked.map(({ since }) => since)).toEqual([0, 42]);
    tell();
    await last().answer(golden());
    await vi.advanceTimersByTimeAsync(250);
    expect(asked.length).toBe(3);
    await last().answer(golden());
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.length).toBe(3);
  });

  test("is left alone by what changes no frame, but not by a longer video", async () => {
    tell({}, true);
    const { video } = parseAnswer(goldenAnswer("state").content, []) as State;
    await last().answer(answer(5, video.frames, [], []));
    tell({ changed: [] });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.length).toBe(1);
    tell({ changed: [], video: { ...video, frames: video.frames + 1 } });
    expect(asked.length).toBe(2);
    await last().answer(answer(6, video.frames + 1, [], []));
    tell({ changed: null });
    await vi.advanceTimersByTimeAsync(250);
    expect(asked.length).toBe(3);
  });

  test("begins from nothing with another kernel, whose predecessor's answer is not taken", async () => {
    tell({}, true);
    await last().answer(answer(5, 2, [[0, 2]], [[OVERALL, flags(1, 2)]]));
    tell();
    await vi.advanceTimersByTimeAsync(250);
    const late = last();
    tell({}, true);
    await vi.advanceTimersByTimeAsync(250);
    late.resolve(answer(9, 2, [[0, 1]], [[OVERALL, flags(7)]]));
    await until(() => asked.length === 3);
    expect(flagsOf()).toEqual([1, 2]);
    expect(asked.map(({ since }) => since)).toEqual([0, 5, 0]);
    await last().answer(answer(3, 2, [[0, 2]], [[OVERALL, flags(4, 4)]]));
    expect(flagsOf()).toEqual([4, 4]);
  });

  test("that is dropped goes on with the next hello and is no trouble", async () => {
    tell({}, true);
    last().reject(new Dropped("The kernel did not answer."));
    await vi.advanceTimersByTimeAsync(1000);
    expect([asked.length, errors]).toEqual([1, []]);
    tell({}, true);
    await until(() => asked.length === 2);
    expect(last().since).toBe(0);
    await last().answer(golden());
    expect(lanes.length).toBe(8);
  });

  test.each<[string, LanesAnswer, string]>([
    ["too short", { ...answer(9, 4, [[0, 2]], [[OVERALL, flags(1)]]) }, "5 bytes instead of 10"],
    ["missing", { ...answer(9, 4, [[0, 1]], [[OVERALL, flags(1)]]), buffers: [] }, "missing"],
    ["beyond the video", answer(9, 4, [[3, 5]], [[OVERALL, flags(1, 1)]]), "beyond the video"],
  ])("whose answer is %s is told of, and begins from nothing", async (_, wrong, words) => {
    tell({}, true);
    await last().answer(answer(5, 2, [[0, 2]], [[OVERALL, flags(1, 2)]]));
    tell();
    await vi.advanceTimersByTimeAsync(250);
    await last().answer(wrong);
    expect(String(errors[0])).toContain(words);
    expect(flagsOf()).toEqual([1, 2]);
    tell();
    await vi.advanceTimersByTimeAsync(250);
    expect(last().since).toBe(0);
  });

  test("ends when it is closed", async () => {
    tell({}, true);
    const before = last();
    lanes.close();
    before.resolve(golden());
    tell();
    await vi.advanceTimersByTimeAsync(1000);
    expect([asked.length, lanes.version.value, errors]).toEqual([1, 0, []]);
  });
});

describe("a view", () => {
  let page: Page;
  beforeEach(() => {
    vi.useRealTimers();
    page = new Page();
  });
  afterEach(() => page.remove());

  test("asks for all lanes once it knows the video, and then for what changed", async () => {
    await page.start();
    const { model } = page;
    expect(model.of("lanes").map(({ since }) => since)).toEqual([0]);
    model.answerGolden(model.last("lanes"), "lanes");
    await page.tell({ revision: 43, changed: [[0, 1]] });
    await page.until(() => model.of("lanes").length === 2);
    expect(model.last("lanes").since).toBe(42);
  });
});
