import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Connection, Dropped, RequestError } from "../src/connection.ts";
import type { Choices, State } from "../src/messages.ts";
import { FakeModel } from "./fake_model.ts";

let model: FakeModel;
let states: [number, boolean][];
let offers: string[];
let errors: string[];
let connection: Connection;

beforeEach(() => {
  vi.useFakeTimers();
  model = new FakeModel();
  states = [];
  offers = [];
  errors = [];
  connection = new Connection(model, {
    state: ({ revision }: State, fresh) => states.push([revision, fresh]),
    choices: ({ folder }: Choices) => offers.push(folder),
    error: (message) => errors.push(message),
  });
});
afterEach(() => {
  connection.close();
  vi.useRealTimers();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe("requests", () => {
  test("carry the view and ids that grow", () => {
    connection.request("ping", {}).catch(() => {});
    connection.request("overlay", { frame: 3 }).catch(() => {});
    const { view } = connection;
    expect(model.sent).toEqual([
      { id: 1, view, kind: "ping" },
      { id: 2, view, kind: "overlay", frame: 3 },
    ]);
  });

  test("get their own answers, in whatever order they come", async () => {
    const answers = Promise.all([3, 4].map((frame) => connection.request("overlay", { frame })));
    const [first, second] = model.of("overlay");
    if (!first || !second) throw new Error("not sent");
    model.answerGolden(second, "overlay", { frame: 4 });
    model.answerGolden(first, "overlay", { frame: 3 });
    expect((await answers).map(({ frame }) => frame)).toEqual([3, 4]);
  });

  test("leave the answers of other views alone", async () => {
    const done = vi.fn();
    connection.request("ping", {}).then(done, () => {});
    model.answer({ ...model.last("ping"), view: "v-other" }, { kind: "done" });
    await pass(0);
    expect(done).not.toHaveBeenCalled();
  });

  test("fail with the sentence that Python says", async () => {
    const request = connection.request("track", { scopes: null });
    model.answerGolden(model.last("track"), "error", { message: "Nothing to track." });
    await expect(request).rejects.toThrow(new RequestError("Nothing to track."));
  });

  test("fail when their answer is not of the agreed form", async () => {
    const request = connection.request("overlay", { frame: 3 });
    model.answerGolden(model.last("overlay"), "overlay", { revision: null });
    await expect(request).rejects.toThrow("overlay.revision");
  });

  test("are all dropped when the view closes, which says bye once", async () => {
    const request = connection.request("overlay", { frame: 3 });
    connection.close();
    connection.close();
    await expect(request).rejects.toBeInstanceOf(Dropped);
    await expect(connection.request("ping", {})).rejects.toBeInstanceOf(Dropped);
    expect(model.of("bye").length).toBe(1);
    expect(model.callbacks).toEqual([]);
  });
});

describe("listening", () => {
  beforeEach(async () => {
    connection.start();
    model.answerGolden(model.last("hello"), "state", { revision: 42 });
    await pass(0);
  });

  test("starts after hello and is renewed with the newest revision, one at a time", async () => {
    expect(model.last("listen").since).toBe(42);
    model.answerGolden(model.last("listen"), "state", { revision: 45, job: null, download: null });
    await pass(0);
    expect(model.of("listen").map(({ since }) => since)).toEqual([42, 45]);
    expect(states).toEqual([
      [42, true],
      [45, false],
    ]);
  });

  test("is renewed five times a second at most while a track runs", async () => {
    model.answerGolden(model.last("listen"), "state", { revision: 45 });
    await pass(190);
    expect(model.of("listen").length).toBe(1);
    expect(states.length).toBe(2);
    await pass(20);
    expect(model.last("listen").since).toBe(45);
  });

  test("may wait for ever without the kernel being doubted", async () => {
    await pass(600_000);
    expect(connection.kernel.value).toBe("ok");
    expect(model.sent.map(({ kind }) => kind)).toEqual(["hello", "listen"]);
  });

  test("is no more patient than lanes are, which go with the kernel all the same", async () => {
    const lanes = connection.request("lanes", { since: 0 });
    lanes.catch(() => {});
    await pass(600_000);
    expect([model.of("ping").length, connection.kernel.value]).toEqual([0, "ok"]);
    connection.request("overlay", { frame: 0 }).catch(() => {});
    await pass(8100);
    await expect(lanes).rejects.toBeInstanceOf(Dropped);
    expect(connection.kernel.value).toBe("lost");
  });

  test("begins anew after an error, not in a hurry", async () => {
    model.answerGolden(model.last("listen"), "error", { message: "The session is closed." });
    await pass(3900);
    expect(errors).toEqual(["The session is closed."]);
    expect(model.of("hello").length).toBe(1);
    await pass(200);
    expect(model.of("hello").length).toBe(2);
  });

  test("asks for everything when told to", async () => {
    connection.refresh();
    await pass(0);
    model.answerGolden(model.last("hello"), "state", { revision: 50 });
    await pass(0);
    expect(model.of("hello").length).toBe(2);
    expect(model.last("listen").since).toBe(50);
  });

  test("a slow click is waited for as long as the kernel answers a ping", async () => {
    const click = connection.request("undo", {});
    for (let round = 0; round < 10; round++) {
      await pass(4000);
      const ping = model.of("ping")[round];
      if (ping) model.answer(ping, { kind: "done" });
    }
    expect(model.of("ping").length).toBeGreaterThan(2);
    expect(connection.kernel.value).toBe("ok");
    model.answerGolden(model.last("undo"), "overlay");
    await expect(click).resolves.toMatchObject({ kind: "overlay" });
  });

  test("silence is noticed: reads are dropped, edits wait on, and all recovers", async () => {
    const click = connection.request("undo", {});
    const frame = connection.request("frame", { frame: 1, max_width: 320 });
    frame.catch(() => {});
    await pass(8100);
    expect(connection.kernel.value).toBe("lost");
    await expect(frame).rejects.toBeInstanceOf(Dropped);
    model.answerGolden(model.last("hello"), "state", { revision: 60 });
    await pass(0);
    expect(connection.kernel.value).toBe("ok");
    expect(model.last("listen").since).toBe(60);
    model.answerGolden(model.last("undo"), "overlay");
    await expect(click).resolves.toMatchObject({ kind: "overlay" });
  });
});

describe("while no video is open", () => {
  beforeEach(async () => {
    connection.start();
    model.answerGolden(model.last("hello"), "choices");
    await pass(0);
  });

  test("the choices are told, and the state as soon as there is one", async () => {
    expect([offers, states]).toEqual([["videos"], []]);
    expect(model.last("listen").since).toBe(0);
    await pass(600_000);
    expect(model.of("hello").length).toBe(1);
    model.answerGolden(model.last("listen"), "state", { revision: 7 });
    await pass(0);
    expect(states).toEqual([[7, true]]);
    expect(model.last("listen").since).toBe(7);
  });

  test("a lost kernel is asked again for the choices", async () => {
    const chunk = connection.request("upload_chunk", { token: "t", offset: 0 });
    chunk.catch(() => {});
    await pass(8100);
    await expect(chunk).rejects.toBeInstanceOf(Dropped);
    model.answerGolden(model.last("hello"), "choices", { folder: "again" });
    await pass(0);
    expect(offers).toEqual(["videos", "again"]);
    expect(connection.kernel.value).toBe("ok");
  });
});

describe("without a kernel", () => {
  test("it is lost after four seconds, and hello is said again ever more rarely", async () => {
    connection.start();
    await pass(3900);
    expect(connection.kernel.value).toBe("ok");
    await pass(200);
    expect(connection.kernel.value).toBe("lost");
    await pass(60_000);
    expect(model.of("hello").length).toBeLessThan(8);
    expect(errors).toEqual([]);
  });

  test("an answer to any hello is enough", async () => {
    connection.start();
    await pass(13_000);
    const [first] = model.of("hello");
    if (!first) throw new Error("no hello");
    model.answerGolden(first, "state", { revision: 7 });
    await pass(0);
    expect(connection.kernel.value).toBe("ok");
    expect(states).toEqual([[7, true]]);
  });

  test("a channel that is closed counts as no kernel", async () => {
    vi.spyOn(model, "send").mockImplementation(() => {
      throw new Error("comm is closed");
    });
    connection.start();
    await pass(0);
    expect(connection.kernel.value).toBe("lost");
    expect(errors).toEqual([]);
  });
});
