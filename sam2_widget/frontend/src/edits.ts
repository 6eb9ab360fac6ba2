// What the user does to the annotation: each is sent at once, in order, and its answer is shown.
import { batch } from "@preact/signals-core";
import { type Connection, Dropped } from "./connection.ts";
import type { Position } from "./geometry.ts";
import type { Overlay } from "./messages.ts";
import type { Overlays } from "./overlays.ts";
import type { Playback } from "./playback.ts";
import type { PendingPoint, ViewState } from "./state.ts";

export interface EditsOptions {
  state: ViewState;
  connection: Connection;
  overlays: Overlays;
  playback: Playback;
  /** Paints what changed before anything is told about it. */
  flush(): void;
}

export class Edits {
  #options: EditsOptions;
  #cancelling = false;

  constructor(options: EditsOptions) {
    this.#options = options;
  }

  /** Whether the user ended the run that is or was on. */
  get isCancelling(): boolean {
    return this.#cancelling;
  }

  async addPoint(frame: number, { x, y }: Position, label: number): Promise<Overlay | null> {
    const { state, connection, playback } = this.#options;
    if (state.playing.peek()) playback.seek(frame);
    const instance = state.instance.peek();
    const region = state.region.peek();
    const point: PendingPoint = { frame, instance, region, x, y, label };
    state.pending.value = [...state.pending.peek(), point];
    const request = connection.request("add_point", { ...point });
    const overlay = await this.#edit(request, () => {
      state.pending.value = state.pending.peek().filter((other) => other !== point);
    });
    if (overlay) state.message.value = foundNothing(overlay, point) ? NOTHING_FOUND : "";
    return overlay;
  }

  async undo(kind: "undo" | "redo"): Promise<void> {
    const { state, connection, playback } = this.#options;
    const overlay = await this.#edit(connection.request(kind, {}));
    if (!overlay?.step) return;
    const { frame, instance, region, text } = overlay.step;
    batch(() => {
      if (frame !== null) playback.seek(frame);
      state.instance.value = instance;
      state.region.value = region;
      state.message.value = text;
    });
  }

  async track(scopes: [number, string][] | null): Promise<void> {
    const { state, connection } = this.#options;
    this.#cancelling = false;
    state.message.value = "";
    await this.#report(connection.request("track", { scopes }));
  }

  async cancel(): Promise<void> {
    this.#cancelling = true;
    this.#options.state.message.value = "Cancelling after the frame at hand…";
    await this.#report(this.#options.connection.request("cancel", {}));
  }

  /** Waits for an edit; `settle` undoes what was shown meanwhile, together with showing the answer. */
  async #edit(request: Promise<Overlay>, settle?: () => void): Promise<Overlay | null> {
    const { state, overlays, flush } = this.#options;
    state.edits.value++;
    const overlay = await this.#report(
      request.then(async (answer) => {
        await overlays.put(answer);
        return answer;
      }),
    );
    settle?.();
    flush();
    state.edits.value--;
    if (overlay) state.troubles.value = [];
    return overlay;
  }

  /** Failures become messages; what was given up with the view does not. */
  async #report<T>(request: Promise<T>): Promise<T | null> {
    try {
      return await request;
    } catch (error) {
      if (!(error instanceof Dropped)) {
        this.#options.state.addTrouble(error instanceof Error ? error.message : String(error));
      }
      return null;
    }
  }
}

const NOTHING_FOUND = "The model found nothing there: undo (U) or add another point.";

function foundNothing({ masks }: Overlay, { instance, region }: PendingPoint): boolean {
  const mask = masks.find((item) => item.instance === instance && item.region === region);
  return !mask || mask.width === 0 || mask.height === 0;
}
