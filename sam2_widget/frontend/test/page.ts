// A page with one view and a fake model, on stand-ins for what a simulated browser cannot draw.
import { vi } from "vitest";
import { render } from "../src/view.ts";
import { FakeModel } from "./fake_model.ts";

/** Where the canvas is on the page: half as large as the golden video. */
export const CANVAS = { left: 10, top: 20, width: 320, height: 180 };

export class Page {
  readonly model = new FakeModel();
  readonly el = document.createElement("div");
  readonly images: { closed: boolean }[] = [];
  resized: (() => void)[] = [];
  close: () => void;

  constructor() {
    this.#stubLayout();
    this.#stubDrawing();
    document.body.append(this.el);
    this.close = render(this);
  }

  reopen(): void {
    this.close();
    this.close = render(this);
  }

  remove(): void {
    this.close();
    this.el.remove();
    vi.unstubAllGlobals();
  }

  find<E extends HTMLElement>(selector: string): E {
    const element = this.el.querySelector<E>(selector);
    if (!element) throw new Error(`No ${selector}`);
    return element;
  }

  get root(): HTMLElement {
    return this.find(".s2w-root");
  }

  get status(): string | null {
    return this.find(".s2w-status").textContent;
  }

  async until(condition: () => boolean): Promise<void> {
    const check = (): void => {
      if (!condition()) throw new Error(`not yet: ${JSON.stringify(this.root.dataset)}`);
    };
    await vi.waitFor(check, { interval: 4, timeout: 10_000 });
  }

  async tell(changes: Record<string, unknown> = {}): Promise<void> {
    const { model } = this;
    const request = model.sent.filter(({ kind }) => kind === "hello" || kind === "listen").at(-1);
    if (!request) throw new Error("no credit");
    const before = model.sent.length;
    model.answerGolden(request, "state", { job: null, notices: [], download: null, ...changes });
    await this.until(() => model.sent.slice(before).some(({ kind }) => kind === "listen"));
  }

  /** Hello, frame 0 and its overlay. */
  async start(
    changes: Record<string, unknown> = {},
    overlay: Record<string, unknown> = {},
  ): Promise<void> {
    const { model } = this;
    await this.tell(changes);
    for (const callback of this.resized) callback();
    await this.until(() => model.of("frame").length > 0);
    model.answerGolden(model.of("frame")[0] as never, "frame", { frame: 0 });
    await this.until(() => model.of("overlay").length > 0);
    model.answerGolden(model.of("overlay")[0] as never, "overlay", { frame: 0, ...overlay });
    await this.until(() => this.root.dataset.overlay === "42");
  }

  /** A pointer event on the canvas, by default in the middle of the video and with the left button. */
  pointer(type: string, options: PointerEventInit = {}): void {
    const middle = { clientX: 170, clientY: 110, button: 0, bubbles: true, cancelable: true };
    const event = new PointerEvent(`pointer${type}`, { pointerId: 1, ...middle, ...options });
    this.find("canvas").dispatchEvent(event);
  }

  /** A press, some movement and a release, between places in pixels of the video. */
  drag(from: [number, number], to: [number, number], options: PointerEventInit = {}): void {
    this.pointer("down", { ...at(from), ...options });
    this.pointer("move", { ...at(to), ...options });
    this.pointer("up", { ...at(to), ...options });
  }

  press(key: string, options: KeyboardEventInit = {}): void {
    this.hold(key, options);
    this.letGo(key, options);
  }

  hold(key: string, options: KeyboardEventInit = {}): KeyboardEvent {
    return this.#key("down", { key, ...options });
  }

  letGo(key: string, options: KeyboardEventInit = {}): void {
    this.#key("up", { key, ...options });
  }

  #key(type: "down" | "up", options: KeyboardEventInit): KeyboardEvent {
    const init = { bubbles: true, cancelable: true, ...options };
    const event = new KeyboardEvent(`key${type}`, init);
    this.root.dispatchEvent(event);
    return event;
  }

  #stubLayout(): void {
    const page = this;
    vi.stubGlobal(
      "ResizeObserver",
      class {
        constructor(callback: () => void) {
          page.resized.push(callback);
        }
        observe(): void {}
        disconnect(): void {
          page.resized = [];
        }
      },
    );
    const { left, top, width, height } = CANVAS;
    vi.spyOn(HTMLCanvasElement.prototype, "clientWidth", "get").mockReturnValue(width);
    const box = new DOMRect(left, top, width, height);
    vi.spyOn(HTMLCanvasElement.prototype, "getBoundingClientRect").mockReturnValue(box);
    vi.spyOn(HTMLDivElement.prototype, "getBoundingClientRect").mockImplementation(function (
      this: HTMLElement,
    ) {
      return this.matches(".s2w-stage") ? box : new DOMRect();
    });
  }

  #stubDrawing(): void {
    vi.stubGlobal(
      "Path2D",
      class {
        moveTo(): void {}
        lineTo(): void {}
        closePath(): void {}
      },
    );
    vi.stubGlobal("createImageBitmap", async () => {
      const image = { width: 320, height: 180, closed: false, close: () => (image.closed = true) };
      this.images.push(image);
      return image;
    });
    const known = { canvas: { width: 320, height: 180 }, measureText: () => ({ width: 40 }) };
    const context = new Proxy(known as Record<string, unknown>, {
      get: (target, name: string) => target[name] ?? (() => {}),
      set: (target, name: string, value) => {
        target[name] = value;
        return true;
      },
    });
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
  }
}

/** Where a place in pixels of the video is on the page. */
export function at([x, y]: [number, number]): { clientX: number; clientY: number } {
  return { clientX: CANVAS.left + x / 2, clientY: CANVAS.top + y / 2 };
}
