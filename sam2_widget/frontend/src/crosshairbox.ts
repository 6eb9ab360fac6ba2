// A box by the keyboard: one corner, then the opposite one, with the box between them shown meanwhile.
import type { Position, Rect } from "./geometry.ts";
import { swap } from "./pointer.ts";
import type { PendingBox, ViewState } from "./state.ts";

const CORNER_HINT = "One corner is set: go to the opposite one and press Enter again.";
const NO_AREA = "A box needs some width and height: move on, then press Enter again.";

export class CornerBox {
  #state: ViewState;
  #corner: Position | null = null;
  #box: PendingBox | null = null;

  constructor(state: ViewState) {
    this.#state = state;
  }

  /** Sets the first corner, or ends the box and gives it. */
  set(at: Position): PendingBox | null {
    const box = this.#box;
    if (!this.#corner) {
      this.#corner = at;
      this.#state.message.value = CORNER_HINT;
    } else if (!box || box.x1 - box.x0 < 2 || box.y1 - box.y0 < 2) {
      this.#state.message.value = NO_AREA;
    } else {
      // It stays in sight until its answer.
      this.#corner = this.#box = null;
      return box;
    }
    return null;
  }

  stretch(frame: number, to: Position): void {
    if (!this.#corner) return;
    const { boxes } = this.#state;
    const box = { ...this.#state.place(frame), ...rectOf(this.#corner, to) };
    boxes.value = swap(boxes.peek(), this.#box, box);
    this.#box = box;
  }

  /** Gives it up; false when there is none. */
  drop(): boolean {
    if (!this.#corner) return false;
    const { boxes, message } = this.#state;
    if (this.#box) boxes.value = swap(boxes.peek(), this.#box, null);
    this.#corner = this.#box = null;
    message.value = "";
    return true;
  }
}

/** Both pixels lie in it. */
function rectOf(a: Position, b: Position): Rect {
  return {
    x0: Math.min(a.x, b.x) - 0.5,
    y0: Math.min(a.y, b.y) - 0.5,
    x1: Math.max(a.x, b.x) + 0.5,
    y1: Math.max(a.y, b.y) + 0.5,
  };
}
