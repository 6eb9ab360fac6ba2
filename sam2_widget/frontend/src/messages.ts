// Every message between the browser and Python; twin of sam2_widget/requests.py and answers.py, where fields are described.
import {
  type Checked,
  flag,
  float,
  int,
  isRecord,
  list,
  nullable,
  object,
  oneOf,
  optional,
  pair,
  SchemaError,
  text,
} from "./schema.ts";

const scopeId = pair(int, text);
const onFrame = { frame: int, instance: int, region: text };
const keypoint = { frame: int, instance: int, name: text };
const edges = { x0: float, y0: float, x1: float, y1: float };

const REQUESTS = {
  hello: object({}),
  listen: object({ since: int }),
  bye: object({}),
  ping: object({}),
  frame: object({ frame: int, max_width: int, overlay: optional(flag) }),
  times: object({}),
  overlay: object({ frame: int }),
  lanes: object({ since: int }),
  add_point: object({ ...onFrame, x: float, y: float, label: int }),
  move_point: object({ ...onFrame, index: int, x: float, y: float }),
  remove_point: object({ ...onFrame, index: int }),
  set_box: object({ ...onFrame, ...edges }),
  clear_frame: object(onFrame),
  delete_scope: object({ instance: int, region: text }),
  add_region: object({ region: text }),
  brush: object({ ...onFrame, stroke: list(pair(float, float)), radius: float, erase: flag }),
  delete_instance: object({ instance: int }),
  rename_instance: object({ instance: int, name: text }),
  rename_region: object({ region: text, name: text }),
  set_color: object({ instance: int, region: text, color: nullable(text) }),
  add_keypoint: object({ ...keypoint, name: nullable(text), x: float, y: float }),
  move_keypoint: object({ ...keypoint, x: float, y: float }),
  remove_keypoint: object(keypoint),
  set_keypoint_visible: object({ ...keypoint, visible: flag }),
  clear_keypoints: object({ frame: int, instance: int }),
  copy_keypoints: object({ frame: int, instance: int }),
  next_gap: object({ frame: int, instance: int }),
  undo: object({}),
  redo: object({}),
  track: object({
    scopes: optional(nullable(list(scopeId))),
    start: optional(nullable(int)),
    stop: optional(nullable(int)),
    direction: optional(oneOf("both", "forward", "backward")),
    force: optional(flag),
  }),
  cancel: object({}),
  save: object({}),
  reload: object({}),
  try_lock: object({}),
  export: object({ instance: nullable(int), region: nullable(text) }),
  chunk: object({ token: text, offset: int }),
  begin_upload: object({
    purpose: oneOf("video", "annotations"),
    name: text,
    size: int,
    modified: int,
  }),
  upload_chunk: object({ token: text, offset: int }),
  cancel_upload: object({ token: text }),
  preview_load: object({ token: text }),
  apply_load: object({ token: text, how: oneOf("merge", "replace") }),
  list_videos: object({}),
  open_video: object({ path: text }),
  models: object({}),
  set_model: object({ name: text }),
  download_model: object({ name: text }),
  cancel_download: object({}),
};

const video = object({
  name: text,
  width: int,
  height: int,
  fps: float,
  frames: int,
  ready: int,
  complete: flag,
});
const scope = object({
  instance: int,
  region: text,
  color: text,
  prompts: int,
  masks: int,
  stale: int,
  own_color: optional(flag),
});
const mask = object({
  instance: int,
  region: text,
  color: text,
  source: text,
  stale: flag,
  x: int,
  y: int,
  width: int,
  height: int,
  buffer: int,
  model: text,
});
const point = object({
  instance: int,
  region: text,
  index: int,
  x: float,
  y: float,
  label: int,
});
const box = object({ instance: int, region: text, ...edges });
const keypointItem = object({ instance: int, name: text, x: float, y: float, visible: flag });

const overlay = object({
  frame: int,
  revision: int,
  masks: list(mask),
  points: list(point),
  boxes: list(box),
  keypoints: list(keypointItem),
  step: nullable(object({ text: text, frame: nullable(int), instance: int, region: text })),
});

const ANSWERS = {
  state: object({
    revision: int,
    changed: nullable(list(pair(int, int))),
    video,
    regions: list(object({ id: text, name: text })),
    instances: list(object({ id: int, name: text })),
    scopes: list(scope),
    keypoint_names: list(text),
    skeleton: list(pair(text, text)),
    model: object({
      name: text,
      device: text,
      status: text,
      note: text,
      reason: text,
      offer: nullable(object({ name: text, size: int })),
    }),
    job: nullable(object({ text: text, done: int, total: int, seconds_left: nullable(float) })),
    undo: nullable(text),
    redo: nullable(text),
    read_only: flag,
    saved: flag,
    notices: list(object({ id: int, level: text, text: text })),
    download: nullable(object({ name: text, done: int, total: int })),
  }),
  frame: object({ frame: int, width: int, height: int, overlay: nullable(overlay) }),
  not_ready: object({ frame: int, ready: int }),
  times: object({ count: int }),
  overlay,
  lanes: object({
    revision: int,
    length: int,
    ranges: list(pair(int, int)),
    scopes: list(object({ instance: int, region: text, buffer: int })),
    keypoints: list(object({ instance: int, buffer: int })),
  }),
  choices: object({
    folder: text,
    videos: list(object({ path: text, size: int })),
    projects: list(object({ path: text, name: text, opened: float, obstacle: text })),
  }),
  download: object({ token: text, name: text, size: int }),
  chunk: object({ offset: int }),
  upload: object({ token: text, name: text, received: int }),
  load_preview: object({ title: text, merge: list(text), replace: list(text) }),
  saved: object({ folder: text }),
  models: object({
    models: list(object({ name: text, size: int, here: flag, description: text })),
  }),
  done: object({}),
  error: object({ message: text }),
};

export type RequestKind = keyof typeof REQUESTS;
export type Payload<K extends RequestKind> = Checked<(typeof REQUESTS)[K]>;

type AnswerKind = keyof typeof ANSWERS;
type AnswerOf<K extends AnswerKind> = Checked<(typeof ANSWERS)[K]> & {
  kind: K;
  buffers: Uint8Array<ArrayBuffer>[];
};
export type State = AnswerOf<"state">;
export type Frame = AnswerOf<"frame">;
export type NotReady = AnswerOf<"not_ready">;
export type Times = AnswerOf<"times">;
export type Overlay = AnswerOf<"overlay">;
export type LanesAnswer = AnswerOf<"lanes">;
export type Choices = AnswerOf<"choices">;
export type Download = AnswerOf<"download">;
export type Chunk = AnswerOf<"chunk">;
export type Upload = AnswerOf<"upload">;
export type LoadPreview = AnswerOf<"load_preview">;
export type Models = AnswerOf<"models">;
export type ModelChoice = Models["models"][number];
export type Saved = AnswerOf<"saved">;
export type Done = AnswerOf<"done">;
export type Failed = AnswerOf<"error">;
export type Answer = { [K in AnswerKind]: AnswerOf<K> }[AnswerKind];
export type VideoState = State["video"];
export type ScopeState = State["scopes"][number];
export type MaskItem = Overlay["masks"][number];
export type PointItem = Overlay["points"][number];
export type BoxItem = Overlay["boxes"][number];
export type KeypointItem = Overlay["keypoints"][number];

/** What a request is answered with, unless it fails. */
export interface AnswerTo {
  hello: State | Choices;
  listen: State;
  bye: Done;
  ping: Done;
  frame: Frame | NotReady;
  times: Times;
  overlay: Overlay;
  lanes: LanesAnswer;
  add_point: Overlay;
  move_point: Overlay;
  remove_point: Overlay;
  set_box: Overlay;
  clear_frame: Overlay;
  delete_scope: Done;
  add_region: Done;
  add_keypoint: Overlay;
  move_keypoint: Overlay;
  remove_keypoint: Overlay;
  set_keypoint_visible: Overlay;
  clear_keypoints: Overlay;
  copy_keypoints: Overlay;
  next_gap: Overlay;
  undo: Overlay;
  redo: Overlay;
  track: Done;
  cancel: Done;
  brush: Overlay;
  delete_instance: Done;
  rename_instance: Done;
  rename_region: Done;
  set_color: Done;
  save: Saved;
  reload: Done;
  try_lock: Done;
  export: Download;
  chunk: Chunk;
  begin_upload: Upload;
  upload_chunk: Upload;
  cancel_upload: Done;
  preview_load: LoadPreview;
  apply_load: Done;
  list_videos: Choices;
  open_video: Done;
  models: Models;
  set_model: Done;
  download_model: Done;
  cancel_download: Done;
}

/** The JSON of a request. Throws `SchemaError` when a field is not of the agreed form. */
export function encodeRequest<K extends RequestKind>(
  id: number,
  view: string,
  kind: K,
  payload: Payload<K>,
): Record<string, unknown> {
  return { id, view, kind, ...REQUESTS[kind](payload, kind) };
}

/** The request a message is for, or null when it is not one of this view's. */
export function addressee(content: unknown, view: string): number | null {
  if (!isRecord(content) || content.view !== view) return null;
  return typeof content.id === "number" ? content.id : null;
}

/** Checks an answer. Throws `SchemaError` when it is not of the agreed form. */
export function parseAnswer(content: unknown, buffers: readonly ArrayBufferView[]): Answer {
  const kind = isRecord(content) ? content.kind : undefined;
  if (typeof kind !== "string" || !Object.hasOwn(ANSWERS, kind)) {
    throw new SchemaError(`Unknown answer ${JSON.stringify(kind)?.slice(0, 60)}`);
  }
  const fields = ANSWERS[kind as AnswerKind](content, kind);
  return { ...fields, kind, buffers: buffers.map(bytes) } as Answer;
}

function bytes(view: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}
