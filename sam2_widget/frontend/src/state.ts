// What the parts of a view share: what Python told, what all views agree on, and what only this view knows.
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { defaultSize, largestSize } from "./brushsize.ts";
import { Camera } from "./camera.ts";
import { clamp, type Position, type Rect } from "./geometry.ts";
import { KeypointState } from "./keypoints.ts";
import { Look } from "./look.ts";
import type { Choices, ScopeState, State } from "./messages.ts";
import { shorten } from "./names.ts";

export interface ScopeId {
  instance: number;
  region: string;
}

/** A scope on a frame. */
export interface Place extends ScopeId {
  frame: number;
}

/** A click whose answer is awaited; drawn at once. */
export interface PendingPoint extends Place, Position {
  label: number;
}

/** One of the points that Python told of. */
export interface PointRef extends Place {
  index: number;
}

/** A point that is dragged, or was and its answer is awaited. */
export interface MovedPoint extends PointRef, Position {}

/** A box that is drawn, or was and its answer is awaited. */
export interface PendingBox extends Place, Rect {}

/** A stroke of the brush or the eraser that is drawn, or was and its answer is awaited. */
export interface PendingStroke extends Place {
  /** Grows while the stroke is drawn; it may leave the frame. */
  line: Position[];
  /** In pixels of the video. */
  radius: number;
  erase: boolean;
  /** Still under the hand. */
  drawing: boolean;
}

/** Whether clicks make prompts of a scope, or keypoints of an instance. */
export type Mode = "segment" | "keypoint";

/** What a click or a drag on the picture makes of a scope. */
export type Tool = "point" | "box" | "brush" | "eraser";

/** Whose name is being changed in the list, and in which row. */
export interface Renaming extends ScopeId {
  what: "instance" | "region";
}

export interface Trouble {
  id: number;
  text: string;
}

export class ViewState {
  /** Told by Python; null until the first answer. */
  readonly shared: Signal<State | null> = signal(null);

  /** What there is to open, told by Python while no video is. */
  readonly choices: Signal<Choices | null> = signal(null);

  /** Traits: the same in all views and in Python. */
  readonly frame = signal(0);
  readonly instance = signal(1);
  readonly region = signal("");
  readonly mode: Signal<Mode> = signal("segment");

  /** Keys of scopes. */
  readonly hidden: Signal<ReadonlySet<string>> = signal(new Set());

  readonly look = new Look();

  /** Known to this view only. */
  readonly camera = new Camera(computed(() => this.shared.value?.video ?? null));
  /** Only the scope that is annotated is seen, whatever else is hidden. */
  readonly solo = signal(false);
  /** No masks and marks are seen: by choice, or as long as a key is held. */
  readonly veiled = signal(false);
  readonly peeking = signal(false);
  readonly playing = signal(false);
  readonly renaming: Signal<Renaming | null> = signal(null);
  readonly tool: Signal<Tool> = signal("point");
  readonly pending: Signal<readonly PendingPoint[]> = signal([]);
  readonly moved: Signal<readonly MovedPoint[]> = signal([]);
  readonly boxes: Signal<readonly PendingBox[]> = signal([]);
  readonly strokes: Signal<readonly PendingStroke[]> = signal([]);
  /** Diameter of the brush in pixels of the video; null until it is chosen. */
  readonly chosenSize: Signal<number | null> = signal(null);
  /** The slider of the size is in hand: what it does is shown on the picture. */
  readonly sizing = signal(false);
  readonly hovered: Signal<PointRef | null> = signal(null);
  readonly selected: Signal<PointRef | null> = signal(null);
  readonly keypoints = new KeypointState();
  /** The cursor of the keyboard on the picture, in pixels of the video; null while it is off. */
  readonly crosshair: Signal<Position | null> = signal(null);
  /** Whether the mask in view of the scope that is annotated was edited by hand. */
  readonly edited = signal(false);
  /** Name of the model that made it, empty when none did. */
  readonly maker = signal("");
  /** The suspect frame that was gone to, and what the user was told of it. */
  readonly suspect: Signal<{ frame: number; text: string } | null> = signal(null);
  readonly edits = signal(0);
  /** Edits under way after which points may have other numbers. */
  readonly shifting = signal(0);
  readonly message = signal("");
  /** What is being done with files, in words; empty when nothing is. */
  readonly busy = signal("");
  readonly troubles: Signal<readonly Trouble[]> = signal([]);
  readonly dismissed: Signal<ReadonlySet<string>> = signal(new Set());
  readonly times: Signal<Float64Array | null> = signal(null);
  #troubleId = 0;

  readonly frames: ReadonlySignal<number> = computed(() => this.shared.value?.video.frames ?? 0);

  /** The state of the scope that is annotated now, if it holds anything. */
  readonly scope: ReadonlySignal<ScopeState | undefined> = computed(() =>
    this.shared.value?.scopes.find(
      ({ instance, region }) => instance === this.instance.value && region === this.region.value,
    ),
  );

  /** Why tracking this scope, or any, is not possible; null when it is. */
  readonly trackObstacle: ReadonlySignal<string | null> = computed(
    () => this.obstacle.value ?? ((this.scope.value?.prompts ?? 0) > 0 ? null : NO_PROMPTS),
  );
  readonly trackAllObstacle: ReadonlySignal<string | null> = computed(
    () =>
      this.obstacle.value ??
      (this.shared.value?.scopes.some(({ prompts }) => prompts > 0) ? null : NO_PROMPTS),
  );

  /** Why nothing can be changed; null when it can. */
  readonly obstacle: ReadonlySignal<string | null> = computed(() => {
    if (!this.shared.value) return "Waiting for the kernel.";
    return this.shared.value.read_only
      ? "This project is open elsewhere: it is read-only here."
      : null;
  });

  readonly brushing: ReadonlySignal<boolean> = computed(
    () => this.mode.value === "segment" && ["brush", "eraser"].includes(this.tool.value),
  );

  /** Diameter of the brush in pixels of the video. */
  readonly brushSize: ReadonlySignal<number> = computed(() => {
    const video = this.shared.value?.video;
    if (!video) return 1;
    return clamp(this.chosenSize.value ?? defaultSize(video), 1, largestSize(video));
  });

  /** The scope that is annotated now, on a frame. */
  place(frame: number): Place {
    return { frame, instance: this.instance.peek(), region: this.region.peek() };
  }

  /** Whether masks and prompts of a scope are to be seen now. */
  isVisible({ instance, region }: ScopeId): boolean {
    if (this.veiled.peek() || this.peeking.peek()) return false;
    if (!this.solo.peek()) return !this.hidden.peek().has(scopeKey({ instance, region }));
    return instance === this.instance.peek() && region === this.region.peek();
  }

  isCurrent({ instance, region }: ScopeId): boolean {
    return instance === this.instance.value && region === this.region.value;
  }

  select({ instance, region }: ScopeId): void {
    batch(() => {
      this.instance.value = instance;
      this.region.value = region;
    });
  }

  /** Selects a scope and begins to change the name of its instance or region. */
  rename(what: Renaming["what"], { instance, region }: ScopeId): void {
    batch(() => {
      this.select({ instance, region });
      this.renaming.value = { what, instance, region };
    });
  }

  /** Begins to change the name of the instance or region that is annotated now. */
  renameCurrent(what: Renaming["what"]): void {
    this.rename(what, { instance: this.instance.peek(), region: this.region.peek() });
  }

  /** The words for a scope in a message or a title. */
  scopeName({ instance, region }: ScopeId): string {
    const name = shorten(this.instanceName(instance), LONGEST);
    return `${instance}${name && ` ${name}`} · ${shorten(this.regionName(region), LONGEST)}`;
  }

  /** The words for an instance in a message or a title. */
  objectName(instance: number): string {
    const name = shorten(this.instanceName(instance), LONGEST);
    return `instance ${instance}${name && ` ${name}`}`;
  }

  /** The display name of an instance, empty when it has none. */
  instanceName(instance: number): string {
    return this.shared.value?.instances.find(({ id }) => id === instance)?.name ?? "";
  }

  /** The name to show for a region. */
  regionName(id: string): string {
    return this.shared.value?.regions.find((region) => region.id === id)?.name ?? id;
  }

  addTrouble(text: string): void {
    const others = this.troubles.peek().filter((trouble) => trouble.text !== text);
    this.troubles.value = [...others, { id: ++this.#troubleId, text }].slice(-3);
  }

  dropTrouble(id: number): void {
    this.troubles.value = this.troubles.peek().filter((trouble) => trouble.id !== id);
  }

  dismiss(key: string): void {
    this.dismissed.value = new Set([...this.dismissed.peek(), key]);
  }

  /** Hides scopes, or shows them. */
  hide(keys: readonly string[], isHidden: boolean): void {
    const others = [...this.hidden.peek()].filter((key) => !keys.includes(key));
    this.hidden.value = new Set(isHidden ? [...others, ...keys] : others);
  }

  /** Leaves what is no longer there. */
  keepTo({ regions, video }: State): void {
    const ids = regions.map(({ id }) => id);
    if (!ids.includes(this.region.peek())) this.region.value = ids[0] ?? "";
    const gone = [...this.hidden.peek()].filter((key) => !ids.includes(scopeOf(key).region));
    if (gone.length > 0) this.hide(gone, false);
    const [range, last] = [this.look.range.peek(), Math.max(0, this.frames.peek() - 1)];
    // A video can have fewer frames than it announced.
    if (video?.complete && range && range[1] > last)
      this.look.range.value = [Math.min(range[0], last), last];
  }
}

const NO_PROMPTS = "Click the object on a frame first.";

/** Longest name in a message. */
const LONGEST = 40;

export function scopeKey({ instance, region }: ScopeId): string {
  return `${instance}/${region}`;
}

/** The scope of a key. */
export function scopeOf(key: string): ScopeId {
  const slash = key.indexOf("/");
  return { instance: Number(key.slice(0, slash)), region: key.slice(slash + 1) };
}

export function isSamePoint(a: PointRef, b: PointRef | null): boolean {
  return b !== null && a.frame === b.frame && a.index === b.index && scopeKey(a) === scopeKey(b);
}
