// A widget model without a kernel: remembers what was sent, and answers when a test says so.
import { DEFAULT_LOOK } from "../src/look.ts";
import type { Traits } from "../src/traits.ts";
import type { Model } from "../src/view.ts";
import { dataView, goldenAnswer } from "./golden.ts";

export interface Sent {
  id: number;
  view: string;
  kind: string;
  [field: string]: unknown;
}

type Callback = (...args: never[]) => void;

export class FakeModel implements Model {
  sent: Sent[] = [];
  saves = 0;
  traits: Traits = {
    frame_index: 0,
    instance: 1,
    region: "overall",
    mode: "segment",
    hidden: [],
    look: DEFAULT_LOOK,
    shortcuts: {},
  };
  callbacks: [string, Callback][] = [];

  get<K extends keyof Traits>(name: K): Traits[K] {
    return this.traits[name];
  }

  set<K extends keyof Traits>(name: K, value: Traits[K]): void {
    this.traits[name] = value;
    this.#emit(`change:${name}`);
  }

  save_changes(): void {
    this.saves++;
  }

  on(event: string, callback: Callback): void {
    this.callbacks.push([event, callback]);
  }

  off(event: string, callback: Callback): void {
    this.callbacks = this.callbacks.filter(([e, c]) => e !== event || c !== callback);
  }

  send(content: unknown): void {
    this.sent.push(content as Sent);
  }

  of(kind: string): Sent[] {
    return this.sent.filter((request) => request.kind === kind);
  }

  last(kind: string): Sent {
    const request = this.of(kind).at(-1);
    if (!request) throw new Error(`No ${kind} was sent`);
    return request;
  }

  /** Every view of the model gets it. */
  answer(request: Sent, content: Record<string, unknown>, buffers: DataView[] = []): void {
    const { id, view } = request;
    this.#emit("msg:custom", { ...content, id, view }, buffers);
  }

  /** Answers with a golden answer of this kind, some of its fields changed. */
  answerGolden(request: Sent, kind: string, changes: Record<string, unknown> = {}): void {
    const { content, buffers } = goldenAnswer(kind);
    this.answer(request, { ...content, ...changes }, buffers.map(dataView));
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const [name, callback] of [...this.callbacks]) {
      if (name === event) (callback as (...args: unknown[]) => void)(...args);
    }
  }
}
