// How far the download of a model is, and its end; the same in all views.
import { effect } from "@preact/signals-core";
import { bytesText } from "./amounts.ts";
import { h, keepFocus, type Part, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { State } from "./messages.ts";
import { percent } from "./modelmenu.ts";
import { type Models, modelTitle } from "./models.ts";
import type { ViewState } from "./state.ts";

export function createModelDownload(state: ViewState, models: Models, signal: AbortSignal): Part {
  const text = h("span", { class: "s2w-download-text" });
  const bar = h("div", {
    class: "s2w-bar",
    role: "progressbar",
    "aria-label": "Download of the model",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
  });
  const cancel = h(
    "button",
    {
      type: "button",
      class: "s2w-button",
      "data-action": "cancel-download",
      title: "Cancel the download; what came is kept for the next time",
    },
    icon("close"),
    h("span", {}, "Cancel"),
  );
  cancel.addEventListener("click", () => void models.cancelDownload(), { signal });
  const node = h("div", { class: "s2w-download" }, text, bar, cancel);
  const close = effect(() => {
    const shared = state.shared.value;
    const download = shared?.download ?? null;
    if (download === null) keepFocus(node);
    node.hidden = download === null;
    if (!shared || !download) return;
    setText(text, downloadText(shared, download));
    bar.setAttribute("aria-valuenow", String(percent(download)));
    bar.style.setProperty("--s2w-done", `${percent(download)}%`);
  });
  return { node, close };
}

/** "SAM 2.1 tiny: 45 MB of 156 MB". */
export function downloadText(shared: State, download: NonNullable<State["download"]>): string {
  const { name, done, total } = download;
  const title = modelTitle(name);
  if (total === 0) return `${title}: asking for it…`;
  if (done < total) return `${title}: ${bytesText(done)} of ${bytesText(total)}`;
  return shared.job
    ? `${title} is here, and is used once the track has ended.`
    : `${title} is here, and is being loaded.`;
}
