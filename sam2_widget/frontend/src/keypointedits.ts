// What the user does to keypoints: each is sent at once, in order, and its answer is shown.
import type { Connection } from "./connection.ts";
import type { Edits } from "./edits.ts";
import type { KeypointActs } from "./keypointer.ts";
import { type Keypoint, refOf } from "./keypoints.ts";
import type { Overlay } from "./messages.ts";
import { shorten } from "./names.ts";
import type { Playback } from "./playback.ts";
import type { ViewState } from "./state.ts";

export interface KeypointEditsOptions {
  state: ViewState;
  connection: Connection;
  playback: Playback;
  edits: Edits;
}

export class KeypointEdits implements KeypointActs {
  #options: KeypointEditsOptions;

  constructor(options: KeypointEditsOptions) {
    this.#options = options;
  }

  /** Stays on a frame that is worked on; masks that are hidden stay so. */
  hold(frame: number): void {
    const { state, playback } = this.#options;
    if (state.playing.peek()) playback.seek(frame);
  }

  async add(keypoint: Keypoint, name: string | null): Promise<void> {
    const { frame, instance, x, y } = keypoint;
    const fields = { frame, instance, x, y, name };
    const request = this.#options.connection.request("add_keypoint", fields);
    await this.#edit(request, "", keypoint);
  }

  async move(keypoint: Keypoint, again: boolean): Promise<void> {
    const { x, y } = keypoint;
    const request = this.#options.connection.request("move_keypoint", {
      ...refOf(keypoint),
      x,
      y,
    });
    const message = again ? `Moved ${told(keypoint)}: a frame has every name once.` : "";
    await this.#edit(request, message, keypoint);
  }

  async setVisible(keypoint: Keypoint, visible: boolean): Promise<void> {
    const { state, connection } = this.#options;
    const shown = { ...keypoint, visible };
    state.keypoints.pending.value = [...state.keypoints.pending.peek(), shown];
    const request = connection.request("set_keypoint_visible", { ...refOf(keypoint), visible });
    const message = `${told(keypoint)} is ${visible ? "visible" : "occluded"} on this frame.`;
    await this.#edit(request, message, shown);
  }

  async remove(keypoint: Keypoint): Promise<void> {
    const request = this.#options.connection.request("remove_keypoint", refOf(keypoint));
    await this.#edit(request, `Removed ${told(keypoint)}. Undo brings it back.`);
  }

  async clear(frame: number): Promise<void> {
    const { state, connection } = this.#options;
    const instance = state.instance.peek();
    const message = `Cleared the keypoints of instance ${instance} on frame ${frame}. Undo brings them back.`;
    await this.#edit(connection.request("clear_keypoints", { frame, instance }), message);
  }

  async copy(frame: number): Promise<void> {
    const { state, connection } = this.#options;
    const request = connection.request("copy_keypoints", {
      frame,
      instance: state.instance.peek(),
    });
    await this.#edit(request, "Copied from the last frame that has keypoints: drag what moved.");
  }

  /** Goes to the next frame on which the instance has none. */
  async goToGap(frame: number): Promise<void> {
    const { state, connection, playback, edits } = this.#options;
    const instance = state.instance.peek();
    const overlay = await edits.report(connection.request("next_gap", { frame, instance }));
    if (!overlay) return;
    const isLast = overlay.frame === frame;
    state.message.value = isLast ? `All later frames have keypoints of instance ${instance}.` : "";
    if (!isLast) playback.seek(overlay.frame);
  }

  /** Waits for an edit; what is shown meanwhile in the place of `shown` goes with its answer. */
  async #edit(request: Promise<Overlay>, message: string, shown?: Keypoint): Promise<void> {
    const { pending } = this.#options.state.keypoints;
    const answer = await this.#options.edits.edit(request, () => {
      pending.value = pending.peek().filter((other) => other !== shown);
    });
    if (answer) this.#options.state.message.value = message;
  }
}

function told({ name }: Keypoint): string {
  return `“${shorten(name, 40)}”`;
}
