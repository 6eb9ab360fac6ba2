// Links the view's frame, scope, mode, hidden scopes and look to the traits that all views share.
import { effect } from "@preact/signals-core";
import type { Changes } from "./keymap.ts";
import type { LookTrait } from "./look.ts";
import { type Mode, scopeKey, scopeOf, type ViewState } from "./state.ts";

export interface Traits {
  frame_index: number;
  instance: number;
  region: string;
  mode: Mode;
  hidden: readonly (readonly [number, string])[];
  look: LookTrait;
  /** The user's own keys; the view reads them when it is made. */
  shortcuts: Changes;
}

/** What is linked: a signal, or what passes for one. */
interface Cell<T> {
  value: T;
  peek(): T;
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
    link(model, "mode", state.mode, 0),
    link(model, "hidden", hiddenPairs(state), 0),
    link(model, "look", state.look, INTERVAL),
  ];
  return () => {
    for (const stop of unlink) stop();
  };
}

/** The hidden scopes as the trait has them. */
function hiddenPairs({ hidden }: ViewState): Cell<Traits["hidden"]> {
  const pairs = (keys: ReadonlySet<string>): Traits["hidden"] =>
    [...keys].map(scopeOf).map(({ instance, region }) => [instance, region]);
  return {
    get value() {
      return pairs(hidden.value);
    },
    set value(listed) {
      hidden.value = new Set(listed.map(([instance, region]) => scopeKey({ instance, region })));
    },
    peek: () => pairs(hidden.peek()),
  };
}

/** Lists are the same when they hold the same. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function link<K extends keyof Traits>(
  model: TraitModel,
  name: K,
  value: Cell<Traits[K]>,
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
    if (sent && isSame(told, sent.value) && Date.now() - overruledAt < IN_FLIGHT) {
      // Our own change, which crossed the other's and came back: the other's stays. It is told
      // again after this event, within which the model would take it for no change.
      overruledAt = -Infinity;
      timer = setTimeout(settle, 0);
      return;
    }
    if (sent && !isSame(told, sent.value) && Date.now() - sent.at < IN_FLIGHT)
      overruledAt = Date.now();
    if (!isSame(told, value.peek())) value.value = told;
  };
  const send = (): void => {
    if (isSame(model.get(name), value.peek())) return;
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
