// What there is on every frame, scope by scope, for the timeline: kept up to date in steps.
import { type Signal, signal } from "@preact/signals-core";
import { Dropped } from "./connection.ts";
import { inflate } from "./inflate.ts";
import type { LanesAnswer, State } from "./messages.ts";
import { type ScopeId, scopeKey } from "./state.ts";

/** What `Lane.flags` are made of. */
export const SOURCE = 0b111;
export const STALE = 1 << 3;
export const POSITIVE = 1 << 4;
export const NEGATIVE = 1 << 5;
export const BOX = 1 << 6;
export const DRAWN = 1 << 7;

/** What the mask of a frame comes from: `flags & SOURCE` is one of these. */
export const CLICK = 1;
export const TRACK = 2;
export const EDIT = 3;
export const IMPORT = 4;

/** What makes a frame suspect: `Lane.cause` is one of these, 0 where it is not. */
export const LOW_SCORE = 1;
export const AREA_CHANGE = 2;
export const CENTROID_JUMP = 3;
export const VANISHED = 4;

/** A scope that holds anything: one byte per frame in each array. */
export interface Lane extends ScopeId {
  /** `flags & SOURCE` and the bits STALE, POSITIVE, NEGATIVE, BOX and DRAWN. */
  flags: Uint8Array;
  /** 0..255, how probably the track is wrong here. */
  suspicion: Uint8Array;
  /** 0 none, LOW_SCORE, AREA_CHANGE, CENTROID_JUMP or VANISHED (which is also: came back). */
  cause: Uint8Array;
  /** Object score: 0 unknown, else 1 + 254 * sigmoid(score / 4), so 128 is score 0. */
  score: Uint8Array;
  /** Area relative to the scope's largest, 0..255; 0 only where the mask is empty or missing. */
  area: Uint8Array;
}

export interface KeypointLane {
  instance: number;
  /** Keypoints on each frame, at most 255. */
  counts: Uint8Array;
}

export interface LanesOptions {
  request(since: number): Promise<LanesAnswer>;
  failed(error: unknown): void;
}

/** Shortest time in ms between two requests: four a second while a track goes on. */
const PAUSE = 250;

export class Lanes {
  /** Counts up whenever anything in here has changed; the arrays are changed in place. */
  readonly version: Signal<number> = signal(0);
  #options: LanesOptions;
  #length = 0;
  #scopes: readonly Lane[] = [];
  #keypoints: readonly KeypointLane[] = [];
  /** The revision up to which everything in here is known, 0 for nothing. */
  #upTo = 0;
  /** Counts what Python told that may change something in here: said so far, and asked for. */
  #told = 0;
  #asked = 0;
  /** Counts the kernels: an answer of an earlier one is not taken. */
  #kernel = 0;
  #asking = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastAsked = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /** Number of frames of every array. */
  get length(): number {
    return this.#length;
  }

  /** The scopes that hold anything, in the order of the state. */
  get scopes(): readonly Lane[] {
    return this.#scopes;
  }

  /** The instances that have keypoints, in order. */
  get keypoints(): readonly KeypointLane[] {
    return this.#keypoints;
  }

  /** The lane of a scope, if it holds anything. */
  of(scope: ScopeId): Lane | undefined {
    const key = scopeKey(scope);
    return this.#scopes.find((lane) => scopeKey(lane) === key);
  }

  /** Takes in what Python told and asks for what changed; `fresh` after a hello. */
  update({ changed, video }: State, fresh: boolean): void {
    if (fresh) {
      // The kernel may be another one, which counts its revisions from the start.
      this.#upTo = 0;
      this.#kernel++;
    } else if (changed?.length === 0 && video.frames === this.#length) {
      return;
    }
    this.#told++;
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#closed || this.#asking || this.#timer !== undefined) return;
    if (this.#asked === this.#told) return;
    const wait = this.#lastAsked + PAUSE - Date.now();
    if (wait <= 0) void this.#ask();
    else {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        void this.#ask();
      }, wait);
    }
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    this.#asked = this.#told;
    this.#lastAsked = Date.now();
    const kernel = this.#kernel;
    try {
      const answer = await this.#options.request(this.#upTo);
      const planes = await unpack(answer);
      if (kernel === this.#kernel && !this.#closed) this.#take(answer, planes);
    } catch (error) {
      // What was missed is asked for from the start when Python tells of the next change.
      if (kernel === this.#kernel) this.#upTo = 0;
      if (!(error instanceof Dropped || this.#closed)) this.#options.failed(error);
    }
    this.#asking = false;
    this.#schedule();
  }

  #take(answer: LanesAnswer, { scopes, keypoints }: Unpacked): void {
    const { length, ranges } = answer;
    const take = (before: Uint8Array | undefined, told: Uint8Array): Uint8Array =>
      merge(fit(before, length), told, ranges);
    this.#scopes = answer.scopes.map(({ instance, region }, index) => {
      const before = this.of({ instance, region });
      const told = scopes[index] ?? new Uint8Array();
      const plane = (number: number, part: Uint8Array | undefined): Uint8Array => {
        const count = told.length / PLANES;
        return take(part, told.subarray(number * count, (number + 1) * count));
      };
      return {
        instance,
        region,
        flags: plane(0, before?.flags),
        suspicion: plane(1, before?.suspicion),
        cause: plane(2, before?.cause),
        score: plane(3, before?.score),
        area: plane(4, before?.area),
      };
    });
    this.#keypoints = answer.keypoints.map(({ instance }, index) => {
      const before = this.#keypoints.find((lane) => lane.instance === instance);
      return { instance, counts: take(before?.counts, keypoints[index] ?? new Uint8Array()) };
    });
    this.#length = length;
    this.#upTo = answer.revision;
    this.version.value++;
  }
}

/** Planes of a scope's buffer: flags, suspicion, cause, score, area. */
const PLANES = 5;

interface Unpacked {
  scopes: Uint8Array[];
  keypoints: Uint8Array[];
}

async function unpack({
  length,
  ranges,
  scopes,
  keypoints,
  buffers,
}: LanesAnswer): Promise<Unpacked> {
  const inside = ranges.every(([start, stop]) => 0 <= start && start <= stop && stop <= length);
  if (!inside) throw new Error("A lane goes beyond the video.");
  const count = ranges.reduce((sum, [start, stop]) => sum + stop - start, 0);
  const all = (items: readonly { buffer: number }[], size: number): Promise<Uint8Array[]> =>
    Promise.all(items.map(({ buffer }) => inflate(buffers[buffer], size, "a lane")));
  return { scopes: await all(scopes, PLANES * count), keypoints: await all(keypoints, count) };
}

/** An array for this many frames that begins with what is known of them. */
function fit(before: Uint8Array | undefined, length: number): Uint8Array {
  if (before?.length === length) return before;
  const fitted = new Uint8Array(length);
  if (before) fitted.set(before.subarray(0, length));
  return fitted;
}

/** Writes bytes, which belong to the ranges one after the other, into an array. */
function merge(
  into: Uint8Array,
  bytes: Uint8Array,
  ranges: readonly (readonly [number, number])[],
): Uint8Array {
  let at = 0;
  for (const [start, stop] of ranges) {
    into.set(bytes.subarray(at, at + stop - start), start);
    at += stop - start;
  }
  return into;
}
