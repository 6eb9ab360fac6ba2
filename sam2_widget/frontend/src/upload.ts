// Sends a file in chunks, a few at a time, and goes on where it was broken off.
import { effect, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { type Connection, Dropped, type Kernel } from "./connection.ts";
import type { Payload, Upload } from "./messages.ts";

const CHUNK = 1 << 20;
/** Chunks that are sent and not yet acknowledged, at most. */
const WINDOW = 4;
/** The speed is that of the last so many ms. */
const SPEED_OVER = 8000;

export interface Progress {
  name: string;
  size: number;
  /** Bytes that Python has acknowledged. */
  received: number;
  /** Bytes per second, once it is known. */
  rate: number | null;
  /** The kernel does not answer; it goes on when it does. */
  waiting: boolean;
}

/** The user cancelled the upload. */
export class Cancelled extends Error {}

type Purpose = Payload<"begin_upload">["purpose"];
type Port = Pick<Connection, "request"> & { readonly kernel: ReadonlySignal<Kernel> };

export class Uploader {
  /** Of the file that is on its way; null when there is none. */
  readonly progress: Signal<Progress | null> = signal(null);
  #port: Port;
  #stop = new AbortController();
  #begun: Promise<Upload> | null = null;
  #marks: [time: number, received: number][] = [];

  constructor(port: Port) {
    this.#port = port;
  }

  /** Sends one file and tells under which name it is there. Rejects with `Cancelled` if it was. */
  async upload(file: File, purpose: Purpose): Promise<Upload> {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const { name, size } = file;
    this.progress.value = { name, size, received: 0, rate: null, waiting: false };
    try {
      return await this.#sendUntilThere(file, purpose, signal);
    } finally {
      this.#begun = null;
      this.progress.value = null;
    }
  }

  /** Ends the upload and has Python throw away what came. */
  cancel(): void {
    const begun = this.#begun;
    this.#stop.abort(new Cancelled("The upload was cancelled."));
    begun?.then(({ token }) => this.#port.request("cancel_upload", { token })).catch(() => {});
  }

  /** Ends the upload; what came stays, and the same file goes on from there. */
  close(): void {
    this.#stop.abort(new Dropped("The view is closed."));
  }

  async #sendUntilThere(file: File, purpose: Purpose, signal: AbortSignal): Promise<Upload> {
    for (;;) {
      try {
        return await this.#send(file, purpose, signal);
      } catch (error) {
        if (signal.aborted || !(error instanceof Dropped)) throw error;
        this.#tell({ waiting: true, rate: null });
        await unlessAborted(this.#kernelIsBack(), signal);
        this.#tell({ waiting: false });
      }
    }
  }

  async #send(file: File, purpose: Purpose, signal: AbortSignal): Promise<Upload> {
    const { name, size, lastModified: modified } = file;
    this.#begun = this.#port.request("begin_upload", { purpose, name, size, modified });
    let last = await unlessAborted(this.#begun, signal);
    this.#marks = [];
    this.#acknowledged(last);
    const waiting: Promise<Upload>[] = [];
    const { token } = last;
    for (let offset = last.received; offset < size; ) {
      const data = await unlessAborted(read(file, offset), signal);
      const [oldest] = waiting.length < WINDOW ? [] : waiting.splice(0, 1);
      if (oldest) last = await unlessAborted(oldest, signal);
      waiting.push(this.#chunk(token, offset, data));
      offset += data.byteLength;
    }
    for (const each of waiting) last = await unlessAborted(each, signal);
    return last;
  }

  #chunk(token: string, offset: number, data: ArrayBuffer): Promise<Upload> {
    const answer = this.#port.request("upload_chunk", { token, offset }, [data]);
    const told = answer.then((upload) => {
      this.#acknowledged(upload);
      return upload;
    });
    // The first that fails is reported; those after it fail for the same reason.
    told.catch(() => {});
    return told;
  }

  #acknowledged({ received }: Upload): void {
    const now = performance.now();
    this.#marks.push([now, received]);
    while (this.#marks.length > 2 && now - (this.#marks[1]?.[0] ?? now) > SPEED_OVER) {
      this.#marks.shift();
    }
    const [start, before] = this.#marks[0] ?? [now, received];
    const rate = now - start > 500 ? (1000 * (received - before)) / (now - start) : null;
    this.#tell({ received, rate });
  }

  #tell(news: Partial<Progress>): void {
    const progress = this.progress.peek();
    if (progress) this.progress.value = { ...progress, ...news };
  }

  #kernelIsBack(): Promise<void> {
    return new Promise((resolve) => {
      const stop = effect(() => {
        if (this.#port.kernel.value !== "ok") return;
        queueMicrotask(() => stop());
        resolve();
      });
      this.#stop.signal.addEventListener("abort", stop, { once: true });
    });
  }
}

async function read(file: File, offset: number): Promise<ArrayBuffer> {
  try {
    return await file.slice(offset, offset + CHUNK).arrayBuffer();
  } catch {
    throw new Error(`${file.name} can no longer be read; choose it again, a file, not a folder.`);
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
