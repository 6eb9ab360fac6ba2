// The names of the lanes, left of them: a click goes to the scope, or to the instance's keypoints.
import { batch } from "@preact/signals-core";
import { arrange, focused, h, safeColor, setText, setTitle } from "./dom.ts";
import type { LaneRow } from "./drawlanes.ts";
import { scopeKey, type ViewState } from "./state.ts";

export interface LaneLabels {
  node: HTMLElement;
  update(rows: readonly LaneRow[]): void;
}

export function createLaneLabels(state: ViewState, signal: AbortSignal): LaneLabels {
  const node = h("div", { class: "s2w-lane-labels", role: "group", "aria-label": "Lanes" });
  const known = new Map<string, HTMLButtonElement>();
  node.addEventListener("keydown", (event) => walk(node, event), { signal });

  const update = (rows: readonly LaneRow[]): void => {
    const current = Math.max(
      0,
      rows.findIndex((row) => row.current),
    );
    const labels = rows.map((row, index) => {
      const label = known.get(keyOf(row)) ?? createLabel();
      known.set(keyOf(row), label);
      label.onclick = () => choose(state, row);
      label.style.height = `${row.height}px`;
      label.tabIndex = index === current ? 0 : -1;
      label.setAttribute("aria-pressed", String(row.current));
      const name = nameOf(state, row);
      setText(label.lastElementChild as HTMLElement, name);
      setTitle(label, row.kind === "scope" ? `Annotate ${name}` : `${name}: place them`);
      label.dataset.kind = row.kind;
      label.style.setProperty("--s2w-lane", row.kind === "scope" ? safeColor(row.color) : "");
      return label;
    });
    const keys = new Set(rows.map(keyOf));
    for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
    arrange(node, labels);
  };
  return { node, update };
}

function createLabel(): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "s2w-lane-label" },
    h("span", { class: "s2w-lane-swatch" }),
    h("span", { class: "s2w-lane-name", dir: "auto" }),
  );
}

export function nameOf(state: ViewState, row: LaneRow): string {
  if (row.kind === "scope") return state.scopeName(row.lane);
  const { instance } = row.lane;
  return `${[instance, state.instanceName(instance)].filter(Boolean).join(" ")} · keypoints`;
}

export function keyOf(row: LaneRow): string {
  return row.kind === "scope" ? scopeKey(row.lane) : `${row.lane.instance} keypoints`;
}

function choose(state: ViewState, row: LaneRow): void {
  batch(() => {
    if (row.kind === "scope") {
      state.select(row.lane);
      state.mode.value = "segment";
    } else {
      state.instance.value = row.lane.instance;
      state.mode.value = "keypoint";
    }
  });
}

/** Up and down go from label to label, which are one stop of the Tab key together. */
function walk(node: HTMLElement, event: KeyboardEvent): void {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (step === undefined) return;
  const labels = [...node.children] as HTMLElement[];
  labels[labels.indexOf(focused() as HTMLElement) + step]?.focus();
  event.preventDefault();
  event.stopPropagation();
}
