// One view: wires its parts together and takes them all down again.
import { batch, effect } from "@preact/signals-core";
import { Connection, type Wire } from "./connection.ts";
import { h } from "./dom.ts";
import { Edits } from "./edits.ts";
import { Frames } from "./frames.ts";
import { clamp } from "./geometry.ts";
import { createLegend } from "./legend.ts";
import type { State } from "./messages.ts";
import { Overlays } from "./overlays.ts";
import { Playback } from "./playback.ts";
import { createProgress } from "./progress.ts";
import { type Actions, handleKey } from "./shortcuts.ts";
import { ViewState } from "./state.ts";
import { createBanners, createFacts, createStatus, createToasts } from "./status.ts";
import { createToolbar } from "./toolbar.ts";
import { linkTraits, type TraitModel } from "./traits.ts";
import { createTransport } from "./transport.ts";
import { type Painted, Viewer } from "./viewer.ts";

export type Model = Wire & TraitModel;

/** Hidden for longer than this (ms), the view asks anew: messages may have been lost meanwhile. */
const LONG_HIDDEN = 60_000;

/** Draws a view into `el`; the returned function removes it and everything that belongs to it. */
export function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const closing = new AbortController();
  const { signal } = closing;
  const state = new ViewState();
  const root = createRoot();

  const connection = new Connection(model, { state: receive, error: fail });
  const frames = new Frames({
    request: (frame, max_width) => connection.request("frame", { frame, max_width }),
    decode: (jpeg) => createImageBitmap(new Blob([jpeg], { type: "image/jpeg" })),
    failed: fail,
  });
  const overlays = new Overlays({
    request: (frame) => connection.request("overlay", { frame }),
    failed: fail,
  });
  const playback = new Playback(state, frames, overlays);
  const clicks = new ClickTimer(root);
  const viewer = new Viewer(
    {
      state,
      frames,
      overlays,
      click: (frame, at, label, time) => {
        clicks.start(time);
        void edits.addPoint(frame, at, label).then((overlay) => {
          if (overlay) clicks.stop(time);
        });
      },
      painted: (painted) => tell(root, painted),
    },
    signal,
  );
  const edits = new Edits({ state, connection, overlays, playback, flush: () => viewer.flush() });
  const actions = createActions(state, playback, edits);
  const parts = [
    createToolbar(state, actions, signal),
    createTransport(state, playback, actions, signal),
    createProgress(state, actions, signal),
    createStatus(state),
    createFacts(state),
    createLegend(state),
    createBanners(state),
    createToasts(state, connection.kernel),
  ] as const;
  const [toolbar, transport, progress, status, facts, legend, banners, toasts] = parts;

  viewer.node.append(toasts.node);
  const well = h("div", { class: "s2w-well" }, viewer.node);
  const activity = h("div", { class: "s2w-activity" }, status.node, facts.node, progress.node);
  root.append(toolbar.node, well, transport.node, activity, legend.node, banners.node);
  root.dataset.view = connection.view;

  const stops = [
    linkTraits(model, state),
    effect(() => goToFrame()),
    effect(() => followShown()),
    effect(() => fetchTimes()),
    effect(() => tellState(root, state, connection)),
    ...parts.map((part) => part.close),
  ];
  beGuest(root, actions, signal);
  refreshWhenBack(connection, signal);
  el.append(root);
  connection.start();

  function receive(shared: State, fresh: boolean): void {
    batch(() => {
      tellOutcome(state, shared, edits.isCancelling);
      state.shared.value = shared;
      if (!shared.regions.some(({ id }) => id === state.region.peek())) {
        state.region.value = shared.regions[0]?.id ?? "";
      }
    });
    overlays.invalidate(fresh ? null : shared.changed, shared.revision);
    frames.retry(shared.video.ready);
  }

  function fail(error: unknown): void {
    state.addTrouble(error instanceof Error ? error.message : String(error));
  }

  function inRange(frame: number): number {
    return clamp(frame, 0, Math.max(0, state.frames.peek() - 1));
  }

  function goToFrame(): void {
    const frame = inRange(state.frame.value);
    if (state.shared.value) state.frame.value = frame;
    frames.want(frame);
  }

  function followShown(): void {
    const shown = frames.shown.value;
    if (!shown) return;
    overlays.want(shown.index);
    playback.prefetch(shown.index);
  }

  function fetchTimes(): void {
    if (!state.shared.value?.video.complete || state.times.peek()) return;
    connection.request("times", {}).then(
      ({ buffers }) => {
        state.times.value = seconds(buffers[0]);
      },
      () => {},
    );
  }

  function close(): void {
    if (signal.aborted) return;
    closing.abort();
    playback.pause();
    for (const stop of stops) stop();
    viewer.close();
    frames.close();
    overlays.close();
    connection.close();
    root.remove();
  }
  return close;
}

function createRoot(): HTMLElement {
  return h("div", {
    class: "s2w-root",
    tabindex: 0,
    role: "group",
    "aria-label": "Video annotation",
    // Jupyter leaves keys and right clicks to elements that say so.
    "data-lm-suppress-shortcuts": "true",
    "data-jp-suppress-context-menu": "true",
  });
}

function createActions(state: ViewState, playback: Playback, edits: Edits): Actions {
  const step = (by: number) => () => {
    playback.seek(state.frame.peek() + by);
    return true;
  };
  /** Does it, or says why not. */
  const unless = (obstacle: string | null | undefined, act: () => unknown): true => {
    if (obstacle) state.message.value = obstacle;
    else act();
    return true;
  };
  return {
    prev: step(-1),
    next: step(1),
    back: step(-10),
    forward: step(10),
    first: step(-Infinity),
    last: step(Infinity),
    play: () => {
      playback.toggle();
      return true;
    },
    undo: () => unless(state.obstacle.peek(), () => edits.undo("undo")),
    redo: () => unless(state.obstacle.peek(), () => edits.undo("redo")),
    track: () =>
      unless(state.trackObstacle.peek(), () =>
        edits.track([[state.instance.peek(), state.region.peek()]]),
      ),
    "track-all": () => unless(state.trackAllObstacle.peek(), () => edits.track(null)),
    cancel: () => {
      if (!state.shared.peek()?.job) return false;
      void edits.cancel();
      return true;
    },
  };
}

/** Takes keys and right clicks inside the widget, and leaves the rest of the page alone. */
function beGuest(root: HTMLElement, actions: Actions, signal: AbortSignal): void {
  const options = { signal };
  root.addEventListener("keydown", (event) => handleKey(event, actions), options);
  root.addEventListener(
    "contextmenu",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
    },
    options,
  );
  // Before all others: a field that loses the focus gives its value first.
  root.addEventListener(
    "pointerdown",
    (event) => {
      if (!isWithin(event.target, FIELDS)) root.focus({ preventScroll: true });
    },
    { signal, capture: true },
  );
  // A button that was clicked would keep the focus, and with it the space bar.
  root.addEventListener(
    "mousedown",
    (event) => {
      if (isWithin(event.target, "button, canvas")) event.preventDefault();
    },
    options,
  );
}

const FIELDS = "input, select, textarea, label";

function isWithin(target: EventTarget | null, selector: string): boolean {
  return target instanceof Element && target.closest(selector) !== null;
}

function refreshWhenBack(connection: Connection, signal: AbortSignal): void {
  let hiddenAt = 0;
  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.hidden) hiddenAt = Date.now();
      else if (Date.now() - hiddenAt > LONG_HIDDEN) connection.refresh();
    },
    { signal },
  );
}

/** When a run has ended: the line that says how. */
function tellOutcome(state: ViewState, next: State, cancelled: boolean): void {
  if (!state.shared.peek()?.job || next.job) return;
  state.message.value = cancelled
    ? "Tracking was cancelled; what is done stays."
    : "Tracking has ended.";
}

function seconds(buffer: Uint8Array<ArrayBuffer> | undefined): Float64Array | null {
  if (!buffer) return null;
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return Float64Array.from({ length: buffer.byteLength >> 3 }, (_, i) =>
    view.getFloat64(8 * i, true),
  );
}

/** What is on the canvas, for tests and for styles. */
function tell(root: HTMLElement, { frame, revision, masks, points }: Painted): void {
  root.dataset.frame = String(frame);
  root.dataset.overlay = revision === null ? "" : String(revision);
  root.dataset.masks = String(masks);
  root.dataset.points = String(points);
}

function tellState(root: HTMLElement, state: ViewState, connection: Connection): void {
  const shared = state.shared.value;
  root.dataset.pending = String(state.edits.value);
  root.dataset.playing = String(state.playing.value);
  root.dataset.kernel = connection.kernel.value;
  root.dataset.job = shared?.job ? "running" : "idle";
  root.dataset.model = shared?.model.status ?? "";
  root.dataset.ready = String(shared?.video.ready ?? 0);
  root.dataset.saved = String(shared?.saved ?? true);
}

/** Milliseconds from the last click to the paint of its answer. */
class ClickTimer {
  #root: HTMLElement;
  #last = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  start(time: number): void {
    this.#last = time;
    delete this.#root.dataset.clickMs;
  }

  stop(time: number): void {
    if (time === this.#last) this.#root.dataset.clickMs = (performance.now() - time).toFixed(1);
  }
}
