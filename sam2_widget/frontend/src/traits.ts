// Links the view's frame, instance and region to the traits that Python and other views share.
import { effect, type Signal } from "@preact/signals-core";
import type { ViewState } from "./state.ts";

export interface Traits {
  frame_index: number;
  instance: number;
  region: string;
  mode: string;
}

/** The part of the anywidget model that holds traits. */
export interface TraitModel {
  get<K extends keyof Traits>(name: K): Traits[K];
  set<K extends keyof Traits>(name: K, value: Traits[K]): void;
  save_changes(): void;
  on(event: `change:${string}`, callback: () => void): void;
  off(event: `change:${string}`, callback: () => void): void;
}

/** While scrubbing the trait is set at most this often (ms), and exactly at rest. */
const INTERVAL = 100;

/** A change of ours may still be on its way to Python for this long (ms). */
const IN_FLIGHT = 1000;

/** Keeps signals and traits equal until the returned function is called. */
export function linkTraits(model: TraitModel, state: ViewState): () => void {
  const unlink = [
    link(model, "frame_index", state.frame, INTERVAL),
    link(model, "instance", state.instance, 0),
    link(model, "region", state.region, 0),
  ];
  return () => {
    for (const stop of unlink) stop();
  };
}

function link<K extends keyof Traits>(
  model: TraitModel,
  name: K,
  value: Signal<Traits[K]>,
  interval: number,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending = false;
  let sent: { value: Traits[K]; at: number } | null = null;
  let overruledAt = -Infinity;

  const receive = (): void => {
    if (sending) return;
    clearTimeout(timer);
    timer = undefined;
    const told = model.get(name);
    if (told === sent?.value && Date.now() - overruledAt < IN_FLIGHT) {
      // Our own change, which crossed the other's and came back: the other's stays. It is told
      // again after this event, within which the model would take it for no change.
      overruledAt = -Infinity;
      timer = setTimeout(settle, 0);
      return;
    }
    if (sent && told !== sent.value && Date.now() - sent.at < IN_FLIGHT) overruledAt = Date.now();
    value.value = told;
  };
  const send = (): void => {
    if (model.get(name) === value.peek()) return;
    sending = true;
    model.set(name, value.peek());
    sending = false;
    model.save_changes();
    sent = { value: value.peek(), at: Date.now() };
    if (interval > 0) timer = setTimeout(settle, interval);
  };
  const settle = (): void => {
    timer = undefined;
    send();
  };

  receive();
  model.on(`change:${name}`, receive);
  const stop = effect(() => {
    value.value;
    if (timer === undefined) send();
  });
  return () => {
    stop();
    clearTimeout(timer);
    model.off(`change:${name}`, receive);
  };
}
