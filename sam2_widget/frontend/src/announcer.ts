// Tells screen readers what goes on, without chatter: what is at rest, and of progress now and then.
import { effect, type ReadonlySignal } from "@preact/signals-core";
import { durationText } from "./amounts.ts";
import { frameNews } from "./describe.ts";
import { closer, h, type Part, setText } from "./dom.ts";
import type { Layer } from "./mask.ts";
import { Pace } from "./pace.ts";
import type { ViewState } from "./state.ts";
import { statusAdvice, statusNews } from "./status.ts";

/** What stays for this long (ms) is told; what passes more quickly is not. */
const REST = 600;

export interface AnnouncerOptions {
  state: ViewState;
  root: HTMLElement;
  /** Number of the frame on screen, and what is on it. */
  frame: ReadonlySignal<number | null>;
  layer: ReadonlySignal<Layer | undefined>;
  /** Where the crosshair is. */
  crosshair: ReadonlySignal<string>;
}

export function createAnnouncer(options: AnnouncerOptions): Part {
  const { state, root, frame, layer, crosshair } = options;
  const [status, place, picture, progress] = [region(), region(), region(), region()];
  const node = h("div", { class: "s2w-spoken" }, status, place, picture, progress);
  const isHere = (): boolean => root.contains(focusOf(root));
  const pace = new Pace();
  const stops = [
    // Hints are for who works here; what happened is for all.
    atRest(
      () => statusNews(state) || statusAdvice(state),
      (text) => setText(status, statusNews(state) || isHere() ? text : ""),
    ),
    atRest(
      () => crosshair.value,
      (text) => setText(place, text),
    ),
    atRest(
      () => {
        const shown = frame.value;
        const isMoving = state.playing.value || shown !== state.frame.value;
        return shown === null || isMoving ? null : frameNews(state, shown, layer.value);
      },
      (text) => {
        // A slider tells its value itself.
        const isSlider = focusOf(root)?.matches("input[type=range], [role=slider]") ?? false;
        if (isHere() && !isSlider) setText(picture, text);
      },
    ),
    effect(() => {
      const job = state.shared.value?.job;
      if (!job) pace.restart();
      else if (pace.isDue(job.done / Math.max(1, job.total))) {
        const left = job.seconds_left;
        const rest = left === null ? "" : `, ${durationText(left)} left`;
        setText(progress, `Tracking: ${Math.floor((100 * job.done) / job.total)} %${rest}`);
      }
    }),
  ];
  return { node, close: closer(stops) };
}

/** A live region for those who do not see. */
function region(): HTMLElement {
  return h("div", { role: "status", "aria-live": "polite", "aria-atomic": "true" });
}

/** Says a text once it has stayed for a while; null is not said, and neither is what was before. */
function atRest(read: () => string | null, say: (text: string) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let said: string | null = null;
  const stop = effect(() => {
    const text = read();
    clearTimeout(timer);
    if (text === null || text === said) return;
    timer = setTimeout(() => {
      said = text;
      say(text);
    }, REST);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}

type ActiveTree = Node & Pick<DocumentOrShadowRoot, "activeElement">;

/** The element with the focus; notebooks may keep the widget in a tree of its own. */
function focusOf(root: HTMLElement): Element | null {
  const tree = root.getRootNode();
  return "activeElement" in tree ? (tree as ActiveTree).activeElement : null;
}
