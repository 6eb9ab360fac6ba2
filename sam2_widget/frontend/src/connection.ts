// Requests and answers over the widget's channel, the pending `listen`, and whether a kernel is there.
import { type Signal, signal } from "@preact/signals-core";
import {
  type AnswerTo,
  addressee,
  type Choices,
  encodeRequest,
  type Payload,
  parseAnswer,
  type RequestKind,
  type State,
} from "./messages.ts";

/** The part of the anywidget model that carries messages. */
export interface Wire {
  send(content: unknown, callbacks?: object, buffers?: ArrayBuffer[]): void;
  on(event: "msg:custom", callback: (content: unknown, buffers: DataView[]) => void): void;
  off(event: "msg:custom", callback: (content: unknown, buffers: DataView[]) => void): void;
}

export type Kernel = "ok" | "lost";

/** Python answered that it could not do it; the message is a sentence for the user. */
export class RequestError extends Error {}

/** No answer will come: the connection was closed, or lost and made anew. */
export class Dropped extends Error {}

interface Waiting {
  kind: RequestKind;
  sent: number;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** Silence in ms after which the kernel is asked, and after which it counts as lost. */
const PATIENCE = 4000;
const LONGEST_RETRY = 15000;

/** Pause in ms between two states while something goes on: each costs it a little. */
const BREATH = 200;

/** Requests that can be repeated: they are dropped when the kernel is lost, and asked again. */
const READS: ReadonlySet<RequestKind> = new Set([
  "listen",
  "ping",
  "frame",
  "times",
  "overlay",
  "lanes",
  "next_gap",
  "list_videos",
  "models",
  "begin_upload",
  "upload_chunk",
]);

/** Requests that nobody waits for: that a busy kernel leaves them lying is no reason to doubt it. */
const PATIENT: ReadonlySet<RequestKind> = new Set(["listen", "hello", "lanes"]);

export interface Listener {
  /** All that the views share; `fresh` when it is the answer to a hello. */
  state(state: State, fresh: boolean): void;
  /** No video is open: what there is to choose from. A state follows once one is. */
  choices(choices: Choices): void;
  error(message: string): void;
}

export class Connection {
  readonly view = newViewId();
  readonly kernel: Signal<Kernel> = signal("ok");
  #wire: Wire;
  #listener: Listener;
  #nextId = 1;
  #waiting = new Map<number, Waiting>();
  #heard = 0;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #closing = new AbortController();

  constructor(wire: Wire, listener: Listener) {
    this.#wire = wire;
    this.#listener = listener;
    wire.on("msg:custom", this.#receive);
  }

  /** Says hello and keeps one `listen` pending until closed. */
  start(): void {
    void this.#serve();
  }

  request<K extends RequestKind>(
    kind: K,
    payload: Payload<K>,
    buffers: ArrayBuffer[] = [],
  ): Promise<AnswerTo[K]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Dropped("The view is closed.");
      const id = this.#nextId++;
      const content = encodeRequest(id, this.view, kind, payload);
      const settle = resolve as (answer: unknown) => void;
      this.#waiting.set(id, { kind, sent: Date.now(), resolve: settle, reject });
      try {
        this.#wire.send(content, undefined, buffers);
        this.#arm();
      } catch {
        this.#lose();
      }
    });
  }

  /** Asks for the whole state anew, for when pushes may have been missed. */
  refresh(): void {
    this.#drop(({ kind }) => kind === "listen");
  }

  /** Says bye; every request still waiting is rejected with `Dropped`. */
  close(): void {
    if (this.#closed) return;
    this.#closing.abort();
    clearTimeout(this.#watch);
    this.#wire.off("msg:custom", this.#receive);
    this.#drop(() => true);
    try {
      this.#wire.send(encodeRequest(this.#nextId++, this.view, "bye", {}));
    } catch {
      // The channel may be closed before the view is.
    }
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  #receive = (content: unknown, buffers: DataView[] = []): void => {
    const id = addressee(content, this.view);
    if (id === null) return;
    this.#heard = Date.now();
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    try {
      const answer = parseAnswer(content, buffers);
      if (answer.kind === "error") waiting.reject(new RequestError(answer.message));
      else waiting.resolve(answer);
    } catch (error) {
      waiting.reject(error instanceof Error ? error : new Error(String(error)));
    }
  };

  async #serve(): Promise<void> {
    while (!this.#closed) {
      try {
        const hello = await this.#hello();
        if (hello.kind === "choices") this.#listener.choices(hello);
        let state = hello.kind === "state" ? hello : await this.request("listen", { since: 0 });
        this.#listener.state(state, true);
        for (;;) {
          state = await this.request("listen", { since: state.revision });
          this.#listener.state(state, false);
          if (state.job || state.download) await pause(BREATH, this.#closing.signal);
        }
      } catch (error) {
        if (this.#closed) return;
        if (error instanceof Dropped) continue;
        this.#listener.error(error instanceof Error ? error.message : String(error));
        await pause(PATIENCE, this.#closing.signal);
      }
    }
  }

  /** The answer to the first hello that is answered; they are sent until one is. */
  async #hello(): Promise<State | Choices> {
    const attempts: Promise<State | Choices>[] = [];
    for (let wait = PATIENCE; ; wait = Math.min(2 * wait, LONGEST_RETRY)) {
      attempts.push(this.request("hello", {}));
      const answer = await Promise.race([...attempts, pause(wait, this.#closing.signal)]);
      if (answer) {
        this.#drop((waiting) => waiting.kind === "hello");
        this.kernel.value = "ok";
        this.#arm();
        return answer;
      }
      this.kernel.value = "lost";
    }
  }

  /** Looks after `PATIENCE` whether the requests that wait have a kernel to wait for. */
  #arm(): void {
    if (this.#watch !== undefined || this.kernel.peek() === "lost") return;
    this.#watch = setTimeout(() => {
      this.#watch = undefined;
      this.#check();
    }, PATIENCE);
  }

  #check(): void {
    const waiting = [...this.#waiting.values()].filter(({ kind }) => !PATIENT.has(kind));
    if (waiting.length === 0) return;
    const ping = waiting.find(({ kind }) => kind === "ping");
    const since = Math.max(this.#heard, ping?.sent ?? Math.min(...waiting.map((w) => w.sent)));
    if (Date.now() - since < PATIENCE) this.#arm();
    else if (ping) this.#lose();
    else void this.request("ping", {}).catch(() => {});
  }

  #lose(): void {
    this.kernel.value = "lost";
    this.#drop(({ kind }) => READS.has(kind));
  }

  #drop(which: (waiting: Waiting) => boolean): void {
    for (const [id, waiting] of this.#waiting) {
      if (!which(waiting)) continue;
      this.#waiting.delete(id);
      waiting.reject(new Dropped("The kernel did not answer."));
    }
  }
}

/** `crypto.randomUUID` exists only on https and localhost; notebook servers are often neither. */
function newViewId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `v-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function pause(ms: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve(undefined);
    }
  });
}
