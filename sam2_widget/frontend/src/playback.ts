// Plays at the video's own speed, or a multiple: leaves frames out rather than lag, and waits rather than run ahead blindly.
import type { Frames } from "./frames.ts";
import { clamp } from "./geometry.ts";
import type { Overlays } from "./overlays.ts";
import { type Course, courseOf, framesAfter, isOn, newestHere } from "./playorder.ts";
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
  /** The video's seconds at a moment of the page (ms); until `held` it waits for the first picture. */
  #clock = { seconds: 0, now: 0, held: 0 };
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

  /** Starts where the view is, or at the start of what is played. */
  play(): void {
    const { frame, frames, playing } = this.#state;
    if (frames.peek() < 2) return;
    const course = this.#course;
    const isAtEnd = !course.loop && frame.peek() >= course.last;
    if (isAtEnd || !isOn(course, frame.peek())) frame.value = course.first;
    playing.value = true;
    this.#direction = 1;
    this.#enter(frame.peek(), performance.now());
    this.prefetch(this.#reached);
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
    const ahead = this.#state.playing.peek() ? this.#playedAfter(frame) : this.#besides(frame);
    this.#frames.ahead(ahead);
    // The overlays of all others come along with their images.
    const here = this.#hasOverlays ? ahead.filter((index) => this.#frames.has(index)) : [];
    this.#overlays.ahead(here);
  }

  #playedAfter(frame: number): number[] {
    const course = this.#course;
    const perSecond = (this.#timing.fps * this.#speed) / course.stride;
    const count = clamp(Math.ceil(perSecond * SECONDS_AHEAD), FRAMES_AHEAD, MOST_AHEAD);
    return framesAfter(course, frame, count);
  }

  #besides(frame: number): number[] {
    const count = this.#state.frames.peek();
    return Array.from(
      { length: FRAMES_AHEAD },
      (_, step) => frame + (step + 1) * this.#direction,
    ).filter((index) => index >= 0 && index < count);
  }

  get #course(): Course {
    return courseOf(this.#state.frames.peek(), this.#timing.fps, this.#state.look.peek());
  }

  get #speed(): number {
    return this.#state.look.speed.peek();
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

  #step = (now: number): void => {
    const { frame, playing } = this.#state;
    if (frame.peek() !== this.#reached) this.pause();
    if (!playing.peek()) return;
    const course = this.#course;
    this.#advance(course, now);
    frame.value = this.#reached;
    if (!course.loop && this.#reached >= course.last) this.pause();
    else this.#tick = requestAnimationFrame(this.#step);
  };

  /** Goes to a frame from which the clock runs on. */
  #enter(frame: number, now: number): void {
    this.#reached = frame;
    const seconds = timeOf(this.#timing, frame);
    this.#clock = { seconds, now, held: now + 1000 * LARGEST_LAG };
  }

  /** Moves the clock on, and goes to the newest frame of its time that can be shown complete. */
  #advance(course: Course, now: number): void {
    const timing = this.#timing;
    const start = timeOf(timing, course.first);
    const length = Math.max(1e-3, timeOf(timing, course.last + 1) - start);
    if (course.loop && !isOn(course, this.#reached)) this.#enter(course.first, now);
    const clock = this.#clock;
    // The first tick may be of a moment before playing began.
    const passed = Math.max(0, now - clock.now) / 1000;
    clock.now = Math.max(clock.now, now);
    if (now < clock.held && !this.#isHere(this.#reached)) return;
    clock.held = 0;
    clock.seconds += passed * this.#speed;
    if (course.loop) clock.seconds = start + ((clock.seconds - start) % length);
    const due = frameAt(timing, clock.seconds, course.last + 1);
    const present = this.#reached;
    this.#reached = newestHere(course, present, due, this.#isHere);
    if (this.#reached === due) return;
    if (this.#reached === present) this.prefetch(present);
    const late = clock.seconds - timeOf(timing, this.#reached + 1);
    const isBehind = (late < 0 ? late + length : late) / this.#speed > LARGEST_LAG;
    if (isBehind) clock.seconds = timeOf(timing, this.#reached);
  }

  #isHere = (index: number): boolean =>
    this.#frames.has(index) && (!this.#hasOverlays || this.#overlays.has(index));
}
