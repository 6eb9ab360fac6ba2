// What the keys and buttons of playing do, and those that open something: a field, the help.
import type { FrameSpan } from "./look.ts";
import type { Actions } from "./shortcuts.ts";
import { stepSpeed } from "./speedpicker.ts";
import type { ViewState } from "./state.ts";

export type PlayAction = "slower" | "faster" | "loop" | "go-to" | "help";

export interface Openers {
  /** The field for the frame to go to. */
  goTo(): void;
  help(): void;
}

export function createPlayActions(state: ViewState, open: Openers): Pick<Actions, PlayAction> {
  const { look, message } = state;
  return {
    slower: () => {
      stepSpeed(state, -1);
      return true;
    },
    faster: () => {
      stepSpeed(state, 1);
      return true;
    },
    loop: () => {
      look.loop.value = !look.loop.peek();
      message.value = look.loop.peek() ? `Plays ${loopText(look.range.peek())} in a loop.` : "";
      return true;
    },
    "go-to": () => {
      open.goTo();
      return true;
    },
    help: () => {
      open.help();
      return true;
    },
  };
}

/** What a loop goes round, in words. */
export function loopText(range: FrameSpan | null): string {
  return range ? `frames ${range[0]} to ${range[1]}` : "the whole video";
}
