// One view: wires its parts together and takes them all down again.
import { batch, computed, effect } from "@preact/signals-core";
import { createActions } from "./actions.ts";
import { createAnnouncer } from "./announcer.ts";
import { Connection, type Wire } from "./connection.ts";
import { handleCrosshairKey } from "./crosshairkeys.ts";
import { h, keepFocus } from "./dom.ts";
import { Edits } from "./edits.ts";
import { createFileMenu } from "./filemenu.ts";
import { Filing } from "./filing.ts";
import { Frames } from "./frames.ts";
import { createFullScreen } from "./fullscreen.ts";
import { clamp } from "./geometry.ts";
import { beGuest, createRoot, refreshWhenBack, saveNotebook } from "./guest.ts";
import { watchHeldKeys } from "./heldkeys.ts";
import { createHelp } from "./help.ts";
import { ClickTimer, tellPainted, tellState } from "./hooks.ts";
import { movedText } from "./keymap.ts";
import { clearKeypointsObstacle } from "./keypointactions.ts";
import { createKeypointBar } from "./keypointbar.ts";
import { KeypointEdits } from "./keypointedits.ts";
import { createKeypointView } from "./keypointview.ts";
import { Lanes } from "./lanes.ts";
import { createLoadPanel } from "./loadpanel.ts";
import type { Choices, State } from "./messages.ts";
import { createModelDownload } from "./modeldownload.ts";
import { createModelMenu } from "./modelmenu.ts";
import { Models } from "./models.ts";
import { Overlays } from "./overlays.ts";
import { createPicker } from "./picker.ts";
import { Playback } from "./playback.ts";
import { createProgress } from "./progress.ts";
import { holdsAnything, isEdited, makerOf } from "./scene.ts";
import { createScopeList } from "./scopelist.ts";
import { handleKey, useKeys } from "./shortcuts.ts";
import { createSizeHandle } from "./sizehandle.ts";
import { createSizePicker } from "./sizepicker.ts";
import { ViewState } from "./state.ts";
import { createBanners, createFacts, createStatus, createToasts } from "./status.ts";
import { createTimeline } from "./timeline.ts";
import { timesOf } from "./timing.ts";
import { createToolbar } from "./toolbar.ts";
import { linkTraits, type TraitModel } from "./traits.ts";
import { createTransport } from "./transport.ts";
import { createViewBar } from "./viewbar.ts";
import { Viewer } from "./viewer.ts";

export type Model = Wire & TraitModel;

/** Draws a view into `el`; the returned function removes it and everything that belongs to it. */
export function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const closing = new AbortController();
  const { signal } = closing;
  const state = new ViewState();
  const keymap = useKeys(model.get("shortcuts"));
  state.message.value = movedText(keymap.moved) ?? "";
  const root = createRoot();

  const connection = new Connection(model, { state: receive, choices: choose, error: fail });
  // A model without a region has no video yet; hello will say so, a moment later.
  const isBlank = model.get("region") === "";
  const choosing = computed(() => !state.shared.value && (isBlank || state.choices.value !== null));
  const frames = new Frames({
    request: (frame, max_width) =>
      overlays.along(frame, (overlay) =>
        connection.request("frame", { frame, max_width, overlay }),
      ),
    decode: (jpeg) => createImageBitmap(new Blob([jpeg], { type: "image/jpeg" })),
    failed: fail,
  });
  const overlays = new Overlays({
    request: (frame) => connection.request("overlay", { frame }),
    failed: fail,
  });
  const lanes = new Lanes({
    request: (since) => connection.request("lanes", { since }),
    failed: fail,
  });
  const playback = new Playback(state, frames, overlays);
  const clicks = new ClickTimer(root);
  const keypointView = createKeypointView(state, frames, overlays);
  const viewer = new Viewer(
    {
      state,
      frames,
      overlays,
      acts: {
        addPoint: (frame, at, label, time) => {
          clicks.start(time);
          void edits.addPoint(frame, at, label).then((overlay) => {
            if (overlay) clicks.stop(time);
          });
        },
        movePoint: (to) => void edits.movePoint(to),
        removePoint: (point) => void edits.removePoint(point),
        setBox: (box) => void edits.setBox(box),
        paint: (stroke) => void edits.paint(stroke),
        hold: (frame) => edits.hold(frame),
      },
      keypoints: {
        view: keypointView,
        acts: {
          add: (keypoint, name) => void keypointEdits.add(keypoint, name),
          move: (keypoint, again) => void keypointEdits.move(keypoint, again),
          setVisible: (keypoint, visible) => void keypointEdits.setVisible(keypoint, visible),
          remove: (keypoint) => void keypointEdits.remove(keypoint),
          hold: (frame) => keypointEdits.hold(frame),
        },
      },
      painted: (painted) => tellPainted(root, painted),
    },
    signal,
  );
  const edits = new Edits({ state, connection, overlays, playback, flush: () => viewer.flush() });
  const keypointEdits = new KeypointEdits({ state, connection, playback, edits });
  const clearObstacle = computed(() => {
    if (state.obstacle.value) return state.obstacle.value;
    if (state.mode.value === "keypoint") return clearKeypointsObstacle(keypointView);
    const scope = { instance: state.instance.value, region: state.region.value };
    overlays.version.value;
    const shown = frames.shown.value;
    const layer = shown ? overlays.get(shown.index) : undefined;
    return holdsAnything(layer, scope) ? null : "This object has nothing on this frame.";
  });
  const filing = new Filing(state, connection);
  const models = new Models(state, connection);
  const modelMenu = createModelMenu(state, models, signal);
  const save = (): void => {
    if (state.obstacle.peek()) state.message.value = state.obstacle.peek() ?? "";
    else void filing.save();
    saveNotebook(root);
  };
  const dropDrag = (): boolean => viewer.dropDrag();
  const fullScreen = createFullScreen(root, state, signal);
  const help = createHelp(keymap, signal);
  const actions = createActions({
    ...{ state, playback, frames, lanes, edits, clearObstacle, save, dropDrag },
    toggleFullScreen: fullScreen.toggle,
    toggleCrosshair: () => viewer.crosshair.toggle(),
    open: { goTo: () => transport.open(), help: help.open },
    keypoints: {
      view: keypointView,
      edits: keypointEdits,
      focusName: () => keypointBar.focusName(),
    },
  });
  const keypointBar = createKeypointBar(state, keypointView, actions, signal);
  const parts = [
    createToolbar({
      state,
      actions,
      clearObstacle,
      track: (request) => void edits.track(request),
      addRegion: (region) => void edits.addRegion(region),
      signal,
    }),
    createTimeline({ state, lanes, playback, actions, signal }),
    createTransport(state, playback, actions, signal),
    createProgress(state, actions, signal),
    createStatus(state),
    createSizePicker(state, signal),
    createFacts(state, modelMenu.node),
    createScopeList(state, {
      deleteScope: (scope) => void edits.deleteScope(scope),
      deleteInstance: (instance) => void edits.deleteInstance(instance),
      setColor: (scope, color) => edits.setColor(scope, color),
      renameInstance: (instance, name) => edits.renameInstance(instance, name),
      renameRegion: (region, name) => edits.renameRegion(region, name),
    }),
    createBanners(
      state,
      () => void filing.tryAgain(),
      (model) => void models.download(model),
    ),
    createToasts(state, connection.kernel),
    createPicker({ state, connection, root, choosing, fail, signal }),
    createFileMenu(state, filing, signal),
    createLoadPanel(state, filing, signal),
    createSizeHandle(state, viewer.node, signal),
    createViewBar(state, actions, fullScreen.on, signal),
    createModelDownload(state, models, signal),
  ] as const;
  const [toolbar, timeline, transport, progress, status, size, facts, list, banners, ...others] =
    parts;
  const [toasts, picker, files, load, sizeHandle, viewBar, download] = others;
  const announcer = createAnnouncer({ state, root, ...viewer.spoken });

  viewer.node.append(toasts.node);
  transport.node.append(viewBar.node);
  const well = h("div", { class: "s2w-well" }, viewer.node);
  const activity = h(
    "div",
    { class: "s2w-activity" },
    status.node,
    size.node,
    facts.node,
    progress.node,
  );
  root.append(
    toolbar.node,
    keypointBar.node,
    well,
    sizeHandle.node,
    timeline.node,
    transport.node,
    activity,
    list.node,
    download.node,
    banners.node,
    help.node,
    announcer.node,
  );
  root.dataset.view = connection.view;

  const stops = [
    linkTraits(model, state),
    effect(() => goToFrame()),
    effect(() => followShown()),
    effect(() => fetchTimes()),
    effect(() => noteEdited()),
    effect(() => tellState(root, state, connection.kernel)),
    effect(() => {
      root.dataset.choosing = String(choosing.value);
      if (choosing.value) {
        root.append(picker.node);
        files.node.remove();
        load.node.remove();
      } else {
        keepFocus(picker.node);
        picker.node.remove();
        download.node.before(files.node, load.node);
      }
    }),
    ...parts.map((part) => part.close),
    () => filing.close(),
    keypointBar.close,
    modelMenu.close,
    watchHeldKeys(root, state, (space) => onKey(space), signal),
    help.close,
    announcer.close,
  ];
  const onKey = (event: KeyboardEvent): void => {
    if (choosing.peek()) return;
    handleCrosshairKey(event, viewer.crosshair);
    handleKey(event, actions, keymap);
  };
  beGuest(root, onKey, signal);
  refreshWhenBack(connection, signal);
  el.append(root);
  connection.start();

  function receive(shared: State, fresh: boolean): void {
    batch(() => {
      const isTracking = !!state.shared.peek()?.job;
      if (isTracking && !shared.job) state.message.value = edits.outcome();
      // What was said before a run is in the way of what it says.
      if (!isTracking && shared.job) state.message.value = "";
      state.shared.value = shared;
      if (state.choices.peek()) {
        // What went wrong before the video was open is over.
        state.choices.value = null;
        state.troubles.value = [];
      }
      state.keepTo(shared);
    });
    overlays.invalidate(fresh ? null : shared.changed, shared.revision);
    frames.retry(shared.video.ready);
    lanes.update(shared, fresh);
  }

  function choose(choices: Choices): void {
    state.choices.value = choices;
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

  function noteEdited(): void {
    overlays.version.value;
    const scope = { instance: state.instance.value, region: state.region.value };
    const shown = frames.shown.value;
    const layer = shown ? overlays.get(shown.index) : undefined;
    state.edited.value = isEdited(layer, scope);
    state.maker.value = makerOf(layer, scope);
  }

  function fetchTimes(): void {
    if (!state.shared.value?.video.complete || state.times.peek()) return;
    connection.request("times", {}).then(
      ({ buffers }) => {
        state.times.value = timesOf(buffers[0]);
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
    lanes.close();
    connection.close();
    root.remove();
  }
  return close;
}
