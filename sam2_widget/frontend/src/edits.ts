// What the user does to the annotation: each is sent at once, in order, and its answer is shown.
import { batch, effect, type Signal } from "@preact/signals-core";
import { type Connection, Dropped } from "./connection.ts";
import type { Position } from "./geometry.ts";
import type { Done, Overlay, Payload } from "./messages.ts";
import type { Overlays } from "./overlays.ts";
import type { Playback } from "./playback.ts";
import {
  type MovedPoint,
  type PendingBox,
  type PendingPoint,
  type PendingStroke,
  type PointRef,
  type ScopeId,
  scopeKey,
  type ViewState,
} from "./state.ts";

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

  /** The line that says how a run ended. */
  outcome(): string {
    const cancelled = this.#cancelling;
    this.#cancelling = false;
    return cancelled ? "Tracking was cancelled; what is done stays." : "Tracking has ended.";
  }

  /** An edit of another part, told and counted as one of these; see `#edit`. */
  edit<A extends Overlay | Done>(request: Promise<A>, settle?: () => void): Promise<A | null> {
    return this.#edit(request, settle);
  }

  /** Stays on a frame that is worked on, and shows what is worked on. */
  hold(frame: number): void {
    const { state, playback } = this.#options;
    const key = scopeKey(state.place(frame));
    if (state.hidden.peek().has(key)) state.hide([key], false);
    if (state.playing.peek()) playback.seek(frame);
  }

  async addPoint(frame: number, { x, y }: Position, label: number): Promise<Overlay | null> {
    const { state, connection } = this.#options;
    this.hold(frame);
    const point: PendingPoint = { ...state.place(frame), x, y, label };
    state.pending.value = [...state.pending.peek(), point];
    const request = connection.request("add_point", point);
    const overlay = await this.#edit(request, () => drop(state.pending, point));
    this.#tellFound(overlay, point);
    return overlay;
  }

  /** The point, already in `state.moved`, is shown there until the answer. */
  async movePoint(point: MovedPoint): Promise<void> {
    const { state, connection } = this.#options;
    const request = connection.request("move_point", point);
    this.#tellFound(await this.#edit(request, () => drop(state.moved, point)), point);
  }

  async removePoint(point: PointRef): Promise<void> {
    await this.#shift(this.#options.connection.request("remove_point", point));
  }

  /** The box, already in `state.boxes`, is shown until the answer. */
  async setBox(box: PendingBox): Promise<void> {
    const { state, connection } = this.#options;
    const request = connection.request("set_box", box);
    this.#tellFound(await this.#shift(request, () => drop(state.boxes, box)), box);
  }

  /** The stroke, already in `state.strokes`, is shown until the answer. */
  async paint(stroke: PendingStroke): Promise<void> {
    const { state, connection } = this.#options;
    const line = stroke.line.map(({ x, y }): [number, number] => [x, y]);
    const request = connection.request("brush", { ...stroke, stroke: line });
    if (await this.#shift(request, () => drop(state.strokes, stroke))) state.message.value = "";
  }

  async clearFrame(frame: number): Promise<void> {
    const { state, connection } = this.#options;
    const place = state.place(frame);
    if (!(await this.#shift(connection.request("clear_frame", place)))) return;
    state.message.value = `Cleared frame ${frame} of ${state.scopeName(place)}. ${UNDO_HELPS}`;
  }

  async deleteScope(scope: ScopeId): Promise<void> {
    const { state, connection } = this.#options;
    const name = state.scopeName(scope);
    if (!(await this.#shift(connection.request("delete_scope", scope)))) return;
    state.message.value = `Deleted ${name}. ${UNDO_HELPS}`;
  }

  async deleteInstance(instance: number): Promise<void> {
    const { state, connection } = this.#options;
    const name = state.objectName(instance);
    if (!(await this.#shift(connection.request("delete_instance", { instance })))) return;
    state.message.value = `Deleted ${name}. ${UNDO_HELPS}`;
  }

  renameInstance(instance: number, name: string): Promise<boolean> {
    const { state, connection } = this.#options;
    return this.#label(
      connection.request("rename_instance", { instance, name }),
      () => state.instanceName(instance) === name.trim(),
    );
  }

  renameRegion(region: string, name: string): Promise<boolean> {
    const { state, connection } = this.#options;
    return this.#label(
      connection.request("rename_region", { region, name }),
      () => state.regionName(region) === (name.trim() || region),
    );
  }

  setColor({ instance, region }: ScopeId, color: string | null): Promise<boolean> {
    const { state, connection } = this.#options;
    const key = scopeKey({ instance, region });
    const told = (): boolean => {
      const scope = state.shared.value?.scopes.find((other) => scopeKey(other) === key);
      return color === null ? !scope?.own_color : scope?.color.toLowerCase() === color;
    };
    return this.#label(connection.request("set_color", { instance, region, color }), told);
  }

  /** Adds a region and selects it as soon as Python tells of it. */
  async addRegion(region: string): Promise<void> {
    const { state, connection } = this.#options;
    if (!(await this.report(connection.request("add_region", { region })))) return;
    await until(() => state.shared.value?.regions.some(({ id }) => id === region) === true);
    state.region.value = region;
    state.message.value = "";
  }

  async undo(kind: "undo" | "redo"): Promise<void> {
    const { state, connection, playback } = this.#options;
    const overlay = await this.#shift(connection.request(kind, {}));
    if (!overlay?.step) return;
    const { frame, instance, region, text } = overlay.step;
    batch(() => {
      if (frame !== null) {
        playback.seek(frame);
        state.mode.value = region === "" ? "keypoint" : "segment";
      }
      state.instance.value = instance;
      if (region !== "") state.region.value = region;
      state.message.value = text;
    });
  }

  async track(run: Payload<"track">): Promise<void> {
    const { state, connection } = this.#options;
    this.#cancelling = false;
    state.message.value = "";
    await this.report(connection.request("track", run));
  }

  async cancel(): Promise<void> {
    this.#cancelling = !!this.#options.state.shared.peek()?.job;
    this.#options.state.message.value = "Cancelling after the frame at hand…";
    await this.report(this.#options.connection.request("cancel", {}));
  }

  /** Resolves once a name or colour is `told`, so that the old does not show again. */
  async #label(request: Promise<Done>, told: () => boolean): Promise<boolean> {
    const { shared } = this.#options.state;
    const before = shared.peek();
    const answer = await this.report(request);
    // Where it was called so already, nothing comes.
    if (answer) await until(() => told() || shared.value !== before);
    return answer !== null;
  }

  /** An edit after which points may have other numbers: until its answer none can be dragged. */
  async #shift<A extends Overlay | Done>(
    request: Promise<A>,
    settle?: () => void,
  ): Promise<A | null> {
    const { shifting } = this.#options.state;
    shifting.value++;
    const answer = await this.#edit(request, settle);
    shifting.value--;
    return answer;
  }

  /** Waits for an edit; `settle` undoes what was shown meanwhile, together with showing the answer. */
  async #edit<A extends Overlay | Done>(
    request: Promise<A>,
    settle?: () => void,
  ): Promise<A | null> {
    const { state, overlays, flush } = this.#options;
    state.edits.value++;
    const answer = await this.report(
      request.then(async (told) => {
        if (told.kind === "overlay") await overlays.put(told);
        return told;
      }),
    );
    settle?.();
    flush();
    state.edits.value--;
    if (answer) state.troubles.value = [];
    return answer;
  }

  /** Failures become messages; what was given up with the view does not. */
  async report<T>(request: Promise<T>): Promise<T | null> {
    try {
      return await request;
    } catch (error) {
      if (!(error instanceof Dropped)) {
        this.#options.state.addTrouble(error instanceof Error ? error.message : String(error));
      }
      return null;
    }
  }

  #tellFound(overlay: Overlay | null, scope: ScopeId): void {
    if (!overlay) return;
    this.#options.state.message.value = foundNothing(overlay, scope) ? NOTHING_FOUND : "";
  }
}

const NOTHING_FOUND = "The model found nothing there: undo (U) or add another point.";
const UNDO_HELPS = "Undo brings it back.";

function foundNothing({ masks }: Overlay, scope: ScopeId): boolean {
  const mask = masks.find((item) => scopeKey(item) === scopeKey(scope));
  return !mask || mask.width === 0 || mask.height === 0;
}

function drop<T>(list: Signal<readonly T[]>, item: T): void {
  list.value = list.peek().filter((other) => other !== item);
}

/** Waits for signals to make a condition true. */
function until(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    let met = false;
    const stop = effect(() => {
      if (met || !condition()) return;
      met = true;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}
