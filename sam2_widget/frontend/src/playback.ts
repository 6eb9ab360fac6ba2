// Plays at the video's own speed: leaves frames out rather than lag, and waits rather than run ahead blindly.
import type { Frames } from "./frames.ts";
import { clamp } from "./geometry.ts";
import type { Overlays } from "./overlays.ts";
import type { ViewState } from "./state.ts";
import { frameAt, type Timing, timeOf } from "./timing.ts";

/** Behind by more than this many seconds, the clock waits for the pictures. */
const LARGEST_LAG = 0.4;
const SECONDS_AHEAD = 1;
const FRAMES_AHEAD = 8;
const MOST_AHEAD = 32;

export class Playback {
  #state: ViewState;
  #frames: Frames;
  #overlays: Overlays;
  #tick = 0;
  /** The video's seconds at a moment of the page's clock (ms). */
  #anchor = { seconds: 0, now: 0 };
  #direction = 1;
  /** The frame it last went to; another one means that somebody else moved the view. */
  #reached = 0;

  constructor(state: ViewState, frames: Frames, overlays: Overlays) {
    this.#state = state;
    this.#frames = frames;
    this.#overlays = overlays;
  }

  toggle(): void {
    if (this.#state.playing.peek()) this.pause();
    else this.play();
  }

  play(): void {
    const { frame, frames, playing } = this.#state;
    if (frames.peek() < 2) return;
    if (frame.peek() >= frames.peek() - 1) frame.value = 0;
    playing.value = true;
    this.#direction = 1;
    this.#reached = frame.peek();
    this.#anchorAt(performance.now());
    this.#tick = requestAnimationFrame(this.#step);
  }

  pause(): void {
    cancelAnimationFrame(this.#tick);
    this.#state.playing.value = false;
  }

  /** Goes to a frame, and stops there. */
  seek(frame: number): void {
    if (this.#state.playing.peek()) this.pause();
    const target = clamp(frame, 0, Math.max(0, this.#state.frames.peek() - 1));
    if (target !== this.#state.frame.peek()) {
      this.#direction = Math.sign(target - this.#state.frame.peek());
    }
    this.#state.frame.value = target;
  }

  /** Fetches what comes next in the direction of motion, after `frame` is on screen. */
  prefetch(frame: number): void {
    const count = this.#state.frames.peek();
    const playing = this.#state.playing.peek();
    const length = playing ? this.#timing.fps * SECONDS_AHEAD : FRAMES_AHEAD;
    const ahead = Array.from(
      { length: clamp(Math.ceil(length), FRAMES_AHEAD, MOST_AHEAD) },
      (_, step) => frame + (step + 1) * this.#direction,
    ).filter((index) => index >= 0 && index < count);
    this.#frames.ahead(ahead);
    // The overlays of all others come along with their images.
    const here = this.#hasOverlays ? ahead.filter((index) => this.#frames.has(index)) : [];
    this.#overlays.ahead(here);
  }

  get #timing(): Timing {
    return {
      fps: this.#state.shared.peek()?.video.fps || 25,
      times: this.#state.times.peek(),
    };
  }

  get #hasOverlays(): boolean {
    const shared = this.#state.shared.peek();
    return !!shared && shared.scopes.length + shared.keypoint_names.length > 0;
  }

  #anchorAt(now: number): void {
    this.#anchor = { seconds: timeOf(this.#timing, this.#state.frame.peek()), now };
  }

  #step = (now: number): void => {
    const { frame, frames, playing } = this.#state;
    if (frame.peek() !== this.#reached) this.pause();
    if (!playing.peek()) return;
    const seconds = this.#anchor.seconds + Math.max(0, now - this.#anchor.now) / 1000;
    const due = frameAt(this.#timing, seconds, frames.peek());
    this.#reached = this.#newestHere(frame.peek(), due);
    frame.value = this.#reached;
    if (seconds - timeOf(this.#timing, frame.peek()) > LARGEST_LAG) this.#anchorAt(now);
    if (frame.peek() >= frames.peek() - 1) this.pause();
    else this.#tick = requestAnimationFrame(this.#step);
  };

  /** The newest frame up to `due` that can be shown complete, or the present one. */
  #newestHere(present: number, due: number): number {
    for (let index = due; index > present; index--) {
      if (this.#frames.has(index) && (!this.#hasOverlays || this.#overlays.has(index)))
        return index;
    }
    this.prefetch(present);
    return present;
  }
}
