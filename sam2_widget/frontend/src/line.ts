// The line of a stroke: points that hardly differ are left out, and long lines are thinned.
import type { Position } from "./geometry.ts";

/** A stroke is one request and one step of undo, so no line may become longer than this. */
export const MOST_POINTS = 2000;
const THINNED = 1500;

/** Adds a point unless it lies nearer than `spacing` to the last one; thins a line that is full. */
export function extend(line: Position[], at: Position, spacing: number): void {
  const last = line.at(-1);
  const distance = last ? Math.hypot(at.x - last.x, at.y - last.y) : Infinity;
  if (distance === 0 || distance < spacing) return;
  line.push(at);
  if (line.length >= MOST_POINTS) line.splice(0, line.length, ...thin(line, THINNED));
}

/** The ends and those other points that lie furthest from a straighter way (Douglas, Peucker). */
export function thin(line: readonly Position[], count: number): Position[] {
  const last = line.length - 1;
  const weights = new Float64Array(line.length);
  weights[0] = Infinity;
  weights[last] = Infinity;
  const parts: [number, number, number][] = [[0, last, Infinity]];
  for (let part = parts.pop(); part; part = parts.pop()) {
    const [from, to, limit] = part;
    let furthest = from;
    let most = 0;
    for (let i = from + 1; i < to; i++) {
      const distance = distanceTo(at(line, i), at(line, from), at(line, to));
      if (distance <= most) continue;
      furthest = i;
      most = distance;
    }
    if (furthest === from) continue;
    const weight = Math.min(most, limit);
    weights[furthest] = weight;
    parts.push([from, furthest, weight], [furthest, to, weight]);
  }
  const weightOf = (index: number): number => weights[index] ?? 0;
  const ranks = [...weights.keys()].sort((a, b) => weightOf(b) - weightOf(a));
  const kept = new Set(ranks.slice(0, count));
  return line.filter((_, i) => kept.has(i));
}

/** From a place to the nearest place between two others. */
function distanceTo(from: Position, a: Position, b: Position): number {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const along = (from.x - a.x) * dx + (from.y - a.y) * dy;
  const share = Math.min(1, Math.max(0, along / (dx * dx + dy * dy || 1)));
  const offX = from.x - a.x - share * dx;
  const offY = from.y - a.y - share * dy;
  return Math.sqrt(offX * offX + offY * offY);
}

function at(line: readonly Position[], index: number): Position {
  return line[index] as Position;
}
