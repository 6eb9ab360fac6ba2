// Listens to the canvas while the view is in one mode: what makes points leaves keypoints alone.
import type { Mode, ViewState } from "./state.ts";

type Listen = <K extends keyof HTMLElementEventMap>(
  name: K,
  act: (event: HTMLElementEventMap[K]) => void,
) => void;

export function listenIn(
  mode: Mode,
  state: ViewState,
  canvas: HTMLCanvasElement,
  signal: AbortSignal,
): Listen {
  return (name, act) => {
    const listen: typeof act = (event) => {
      if (state.mode.peek() === mode) act(event);
    };
    canvas.addEventListener(name, listen, { signal, passive: false });
  };
}
