// Under which heading of the help each action stands; TypeScript asks for one for every action.
import type { Keymap } from "./keymap.ts";
import type { Action, Shortcut } from "./shortcuts.ts";

/** In the order of the help. */
export const GROUPS = [
  "Frames",
  "Playing",
  "View",
  "Objects",
  "Keypoints",
  "Tracking",
  "General",
] as const;

export type Group = (typeof GROUPS)[number];

const GROUP_OF: Record<Action, Group> = {
  prev: "Frames",
  next: "Frames",
  back: "Frames",
  forward: "Frames",
  first: "Frames",
  last: "Frames",
  "go-to": "Frames",
  "prev-prompt": "Frames",
  "next-prompt": "Frames",
  "prev-suspect": "Frames",
  "next-suspect": "Frames",
  "range-in": "Frames",
  "range-out": "Frames",
  "range-clear": "Frames",
  play: "Playing",
  slower: "Playing",
  faster: "Playing",
  loop: "Playing",
  point: "Objects",
  box: "Objects",
  brush: "Objects",
  eraser: "Objects",
  smaller: "Objects",
  larger: "Objects",
  remove: "Objects",
  clear: "Objects",
  rename: "Objects",
  keypoints: "Keypoints",
  name: "Keypoints",
  occlude: "Keypoints",
  "copy-keypoints": "Keypoints",
  "next-gap": "Keypoints",
  track: "Tracking",
  "track-all": "Tracking",
  cancel: "Tracking",
  undo: "General",
  redo: "General",
  save: "General",
  escape: "General",
  "zoom-in": "View",
  "zoom-out": "View",
  fit: "View",
  "actual-size": "View",
  "full-screen": "View",
  outline: "View",
  solo: "View",
  peek: "View",
  crosshair: "Objects",
  help: "View",
};

/** The shortcuts by group; what has no key and never had one is left out. */
export function groupedShortcuts({ shortcuts, own, moved }: Keymap): [Group, Shortcut[]][] {
  const lost = new Set(moved.map(({ from }) => from.action));
  const isTold = ({ action, keys }: Shortcut): boolean =>
    keys.length > 0 || own.has(action) || lost.has(action);
  return GROUPS.map((group): [Group, Shortcut[]] => [
    group,
    shortcuts.filter((shortcut) => GROUP_OF[shortcut.action] === group && isTold(shortcut)),
  ]).filter(([, shortcuts]) => shortcuts.length > 0);
}
