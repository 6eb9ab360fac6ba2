import { signal } from "@preact/signals-core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Dropped, type Kernel, RequestError } from "../src/connection.ts";
import type { Upload } from "../src/messages.ts";
import { Cancelled, Uploader } from "../src/upload.ts";

const MIB = 1 << 20;

interface Call {
  kind: string;
  payload: Record<string, unknown>;
  data: Uint8Array;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** A connection whose requests wait until a test answers them, as Python would. */
class FakePort {
  readonly kernel = signal<Kernel>("ok");
  calls: Call[] = [];
  waiting: Call[] = [];
  received = 0;

  request = ((kind: string, payload: Record<string, unknown>, buffers: ArrayBuffer[] = []) =>
    new Promise((resolve, reject) => {
      const data = new Uint8Array(buffers[0] ?? new ArrayBuffer(0));
      const call = { kind, payload, data, resolve, reject };
      this.calls.push(call);
      this.waiting.push(call);
    })) as never;

  of(kind: string): Call[] {
    return this.calls.filter((call) => call.kind === kind);
  }

  get chunks(): number {
    return this.waiting.filter(({ kind }) => kind === "upload_chunk").length;
  }

  async next(kind: string): Promise<Call> {
    await vi.waitFor(() => expect(this.waiting[0]?.kind).toBe(kind), { interval: 1 });
    return this.waiting.shift() as Call;
  }

  async begin(received = 0, token = "t"): Promise<void> {
    this.received = received;
    (await this.next("begin_upload")).resolve(this.#told(token));
  }

  /** Acknowledges the oldest chunk. */
  async acknowledge(): Promise<void> {
    const { data, resolve } = await this.next("upload_chunk");
    this.received += data.length;
    resolve(this.#told("t"));
  }

  drop(): void {
    for (const { reject } of this.waiting.splice(0)) reject(new Dropped("lost"));
  }

  #told(token: string): Partial<Upload> {
    return { token, name: "clip-2.mp4", received: this.received };
  }
}

let port: FakePort;
let uploader: Uploader;

beforeEach(() => {
  port = new FakePort();
  uploader = new Uploader(port);
});
afterEach(() => uploader.close());

/** A file whose byte at each place tells the MiB it is in. */
function file(mebibytes: number, more = 0): File {
  const bytes = new Uint8Array(mebibytes * MIB + more);
  for (let i = 0; i < bytes.length; i += MIB) bytes.fill(i / MIB, i, i + MIB);
  return new File([bytes], "clip.mp4", { lastModified: 5 });
}

const offsets = (): unknown[] => port.of("upload_chunk").map(({ payload }) => payload.offset);

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

describe("an upload", () => {
  test("says what is coming, sends it in order in chunks of a MiB, and tells its name", async () => {
    const done = uploader.upload(file(2, 7), "video");
    await port.begin();
    for (let i = 0; i < 3; i++) await port.acknowledge();
    await expect(done).resolves.toMatchObject({ name: "clip-2.mp4", received: 2 * MIB + 7 });
    const { payload } = port.of("begin_upload")[0] as Call;
    expect(payload).toEqual({ purpose: "video", name: "clip.mp4", size: 2 * MIB + 7, modified: 5 });
    expect(offsets()).toEqual([0, MIB, 2 * MIB]);
    expect(port.of("upload_chunk").map(({ data }) => [data.length, data[0]])).toEqual([
      [MIB, 0],
      [MIB, 1],
      [7, 2],
    ]);
    expect(uploader.progress.value).toBeNull();
  });

  test("has at most four chunks on their way", async () => {
    const done = uploader.upload(file(9), "video");
    await port.begin();
    for (let acknowledged = 0; acknowledged < 9; acknowledged++) {
      await vi.waitFor(() => expect(port.chunks).toBe(Math.min(4, 9 - acknowledged)));
      await settle();
      expect(port.chunks).toBe(Math.min(4, 9 - acknowledged));
      await port.acknowledge();
    }
    await done;
  });

  test("tells how far it is and how fast", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const done = uploader.upload(file(4), "video");
    expect(uploader.progress.value).toMatchObject({ name: "clip.mp4", received: 0, rate: null });
    await port.begin();
    await settle();
    for (let i = 1; i <= 3; i++) {
      vi.advanceTimersByTime(1000);
      await port.acknowledge();
      await settle();
      expect(uploader.progress.value?.received).toBe(i * MIB);
      expect((uploader.progress.value?.rate ?? 0) / MIB).toBeCloseTo(1, 1);
    }
    await port.acknowledge();
    await done;
    vi.useRealTimers();
  });

  test("sends only the rest of what Python has already", async () => {
    const done = uploader.upload(file(3), "video");
    await port.begin(MIB + 5);
    await port.acknowledge();
    await port.acknowledge();
    await done;
    expect(offsets()).toEqual([MIB + 5, 2 * MIB + 5]);
  });

  test("that Python has whole sends nothing", async () => {
    const done = uploader.upload(file(1), "video");
    await port.begin(MIB);
    await expect(done).resolves.toMatchObject({ received: MIB });
    expect(offsets()).toEqual([]);
  });

  test("that is refused says why, and another can follow", async () => {
    const refused = uploader.upload(file(1), "video");
    (await port.next("begin_upload")).reject(new RequestError("No room."));
    await expect(refused).rejects.toThrow("No room.");
    expect(uploader.progress.value).toBeNull();
    const done = uploader.upload(file(1), "video");
    await port.begin();
    await port.acknowledge();
    await done;
  });

  test("ends with the first chunk that fails", async () => {
    const failed = uploader.upload(file(8), "video");
    await port.begin();
    (await port.next("upload_chunk")).reject(new RequestError("The disk is full."));
    await expect(failed).rejects.toThrow("The disk is full.");
    await settle();
    expect(offsets().length).toBeLessThanOrEqual(5);
  });

  test("of what cannot be read says so", async () => {
    const folder = file(1);
    vi.spyOn(folder, "slice").mockReturnValue({
      arrayBuffer: () => Promise.reject(new DOMException("gone", "NotFoundError")),
    } as never);
    const failed = uploader.upload(folder, "video");
    await port.begin();
    await expect(failed).rejects.toThrow("clip.mp4 can no longer be read");
  });
});

describe("a lost kernel", () => {
  test("is waited for, and the upload goes on from what was acknowledged", async () => {
    const done = uploader.upload(file(6), "video");
    await port.begin();
    await port.acknowledge();
    await vi.waitFor(() => expect(port.chunks).toBe(4));
    port.kernel.value = "lost";
    port.drop();
    await vi.waitFor(() => expect(uploader.progress.value?.waiting).toBe(true));
    await settle();
    expect(port.of("begin_upload").length).toBe(1);
    port.kernel.value = "ok";
    // More had come than was acknowledged.
    await port.begin(3 * MIB);
    for (let i = 0; i < 3; i++) await port.acknowledge();
    await expect(done).resolves.toMatchObject({ received: 6 * MIB });
    expect(offsets().slice(-3)).toEqual([3 * MIB, 4 * MIB, 5 * MIB]);
  });
});

describe("the end of an upload", () => {
  test("by the user throws away what came, at once", async () => {
    const cancelled = uploader.upload(file(8), "video");
    await port.begin(0, "mine");
    await vi.waitFor(() => expect(port.chunks).toBe(4));
    uploader.cancel();
    await expect(cancelled).rejects.toBeInstanceOf(Cancelled);
    await vi.waitFor(() => expect(port.of("cancel_upload").length).toBe(1));
    expect(port.of("cancel_upload")[0]?.payload).toEqual({ token: "mine" });
    expect(uploader.progress.value).toBeNull();
    await port.acknowledge();
    await settle();
    expect(offsets().length).toBe(4);
  });

  test("by the user before Python answered is made good as soon as it does", async () => {
    const cancelled = uploader.upload(file(1), "video");
    uploader.cancel();
    await expect(cancelled).rejects.toBeInstanceOf(Cancelled);
    await port.begin(0, "late");
    await vi.waitFor(() => expect(port.of("cancel_upload")[0]?.payload.token).toBe("late"));
    expect(offsets()).toEqual([]);
  });

  test("by the user while the kernel is lost does not wait for it", async () => {
    const cancelled = uploader.upload(file(1), "video");
    await port.begin();
    port.kernel.value = "lost";
    await vi.waitFor(() => expect(port.chunks).toBe(1));
    port.drop();
    await vi.waitFor(() => expect(uploader.progress.value?.waiting).toBe(true));
    uploader.cancel();
    await expect(cancelled).rejects.toBeInstanceOf(Cancelled);
  });

  test("with its view leaves what came, to be gone on with", async () => {
    const ended = uploader.upload(file(8), "video");
    await port.begin();
    await vi.waitFor(() => expect(port.chunks).toBe(4));
    uploader.close();
    await expect(ended).rejects.toBeInstanceOf(Dropped);
    await settle();
    expect(port.of("cancel_upload")).toEqual([]);
    expect(offsets().length).toBe(4);
  });
});
