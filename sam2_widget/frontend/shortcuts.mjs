// Renews what is made from the table in src/shortcuts.ts: the README's table and ../shortcuts.json.
import { readFileSync, writeFileSync } from "node:fs";
import * as esbuild from "esbuild";

const README = "../../README.md";

const { outputFiles } = await esbuild.build({
  entryPoints: ["src/shortcutdocs.ts"],
  bundle: true,
  format: "esm",
  write: false,
});
const module = Buffer.from(outputFiles[0].contents).toString("base64");
const { pythonFile, renewedReadme } = await import(`data:text/javascript;base64,${module}`);
writeFileSync(README, renewedReadme(readFileSync(README, "utf8")));
writeFileSync("../shortcuts.json", pythonFile());
