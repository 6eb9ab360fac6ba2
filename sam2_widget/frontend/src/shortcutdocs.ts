// What is made from the table of shortcuts outside the browser: the README's rows and Python's file.
import { GESTURES } from "./gestures.ts";
import { keymapOf, keyParts } from "./keymap.ts";
import { groupedShortcuts } from "./shortcutgroups.ts";
import { SHORTCUTS } from "./shortcuts.ts";

const BEGIN = "<!-- Made by `npm run shortcuts` -->";
const END = "<!-- End of what it made -->";
const MOD = "Ctrl/Cmd";

/** The README with its table as the shortcuts are. */
export function renewedReadme(readme: string): string {
  const [before, rest = ""] = readme.split(BEGIN);
  const [, after] = rest.split(END);
  if (after === undefined) throw new Error(`The README has no place for the shortcuts: ${BEGIN}`);
  return `${before}${BEGIN}\n${markdownTable()}${END}${after}`;
}

function markdownTable(): string {
  const gestures = GESTURES.map(([group, listed]) => [
    group,
    listed.map(({ gesture, text }) => [gesture.replace(/\bMod\b/, MOD), text]),
  ]);
  const keys = groupedShortcuts(keymapOf(SHORTCUTS)).map(([group, shortcuts]) => [
    group,
    shortcuts.map(({ keys, text }) => [keys.map(told).join(" or "), text]),
  ]);
  const rows = ([...gestures, ...keys] as [string, [string, string][]][]).flatMap(
    ([group, listed]) => [`| **${group}** | |`, ...listed.map((row) => `| ${row.join(" | ")} |`)],
  );
  return ["| control | does |", "|---|---|", ...rows, ""].join("\n");
}

function told(key: string): string {
  return `\`${keyParts(key, MOD).join(" + ").replaceAll("|", "\\|")}\``;
}

/** `shortcuts.json`, from which Python knows the actions and their keys. */
export function pythonFile(): string {
  const lines = SHORTCUTS.map(
    ({ action, keys }) =>
      `  ${JSON.stringify(action)}: [${keys.map((key) => JSON.stringify(key)).join(", ")}]`,
  );
  return `{\n${lines.join(",\n")}\n}\n`;
}
