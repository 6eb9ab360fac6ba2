// Bundles src/widget.ts and src/styles.css into ../static; --watch rebuilds on every change.
import * as esbuild from "esbuild";

const context = await esbuild.context({
  entryPoints: { widget: "src/widget.ts" },
  outdir: "../static",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  logLevel: "info",
});
const styles = await esbuild.context({
  entryPoints: { widget: "src/styles.css" },
  outdir: "../static",
  bundle: true,
  minify: true,
  logLevel: "info",
});

if (process.argv.includes("--watch")) {
  await Promise.all([context.watch(), styles.watch()]);
} else {
  await Promise.all([context.rebuild(), styles.rebuild()]);
  await Promise.all([context.dispose(), styles.dispose()]);
}
