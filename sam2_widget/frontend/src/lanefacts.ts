// What the timeline knows in words: of a lane at a frame, and of all lanes for those who do not see them.
import { isLow, PROMPTS } from "./lanecolumns.ts";
import { BOX, DRAWN, type Lane, NEGATIVE, POSITIVE, SOURCE, STALE } from "./lanes.ts";
import { areaChange, causeText, SUSPECT, suspectsOf } from "./suspects.ts";

const SOURCES = ["no mask", "clicked", "tracked", "edited by hand", "imported"];

/** A change of the area by less than this part is nothing to tell. */
const SMALL_CHANGE = 0.2;

/** What a lane shows at a frame: "tracked, score low, area −40 %". */
export function factsAt(lane: Lane, frame: number): string {
  const flags = lane.flags[frame] ?? 0;
  const source = flags & SOURCE;
  const change = areaChange(lane, frame - 1, frame);
  const hasChanged = source > 0 && change !== null && Math.abs(change) >= SMALL_CHANGE;
  const facts = [
    SOURCES[source] ?? "",
    flags & STALE ? "stale" : "",
    promptsText(flags),
    isLow(lane.score[frame] ?? 0) ? "score low" : "",
    hasChanged ? `area ${signed(change)} %` : "",
    (lane.suspicion[frame] ?? 0) >= SUSPECT ? `suspect: ${causeText(lane, frame)}` : "",
  ];
  return facts.filter(Boolean).join(", ");
}

function promptsText(flags: number): string {
  const prompts = [
    flags & POSITIVE ? "+" : "",
    flags & NEGATIVE ? "−" : "",
    flags & BOX ? "box" : "",
    flags & DRAWN ? "drawn" : "",
  ];
  const told = prompts.filter(Boolean).join(" ");
  return told && `prompts ${told}`;
}

function signed(change: number): string {
  const percent = Math.round(Math.abs(change) * 100);
  return `${change < 0 ? "−" : "+"}${percent}`;
}

/** A lane in a sentence, for the name of the picture. */
export function laneSummary(name: string, lane: Lane): string {
  const { flags } = lane;
  let masks = 0;
  let stale = 0;
  let prompts = 0;
  for (const flag of flags) {
    if ((flag & SOURCE) !== 0) masks++;
    if ((flag & STALE) !== 0) stale++;
    if ((flag & PROMPTS) !== 0) prompts++;
  }
  const suspects = suspectsOf(lane).length;
  const facts = [
    `masks on ${masks} of ${flags.length} frames`,
    stale > 0 ? `${stale} stale` : "",
    `prompts on ${prompts}`,
    suspects > 0 ? `${suspects} suspect` : "",
  ];
  return `${name}: ${facts.filter(Boolean).join(", ")}`;
}
