// The line of a stroke: points that hardly differ are left out, and long lines are thinned.
import type { Position } from "./geometry.ts";

/** A stroke is one request and one step of undo, so no line may become longer than this. */
export const MOST_POINTS = 2000;

/** In pixels of the video; nobody sees less. */
const FINEST = 0.05;

/** Adds a point unless it lies nearer than `spacing` to the last one; thins a line that is full. */
export function extend(line: Position[], at: Position, spacing: number): void {
  const last = line.at(-1);
  const distance = last ? Math.hypot(at.x - last.x, at.y - last.y) : Infinity;
  if (distance === 0 || distance < spacing) return;
  line.push(at);
  if (line.length >= MOST_POINTS) line.splice(0, line.length, ...thin(line, spacing));
}

/** Fewer points, with the line as near to what it was as that allows. */
function thin(line: readonly Position[], spacing: number): Position[] {
  let tolerance = Math.max(spacing / 2, FINEST);
  let thinner = simplify(line, tolerance);
  while (thinner.length > 0.75 * line.length) {
    tolerance *= 1.25;
    thinner = simplify(line, tolerance);
  }
  return thinner;
}

/** The ends and what of the line lies further than `tolerance` from a straight way (Douglas, Peucker). */
export function simplify(line: readonly Position[], tolerance: number): Position[] {
  const keep = new Uint8Array(line.length);
  keep[0] = 1;
  keep[line.length - 1] = 1;
  const parts: [number, number][] = [[0, line.length - 1]];
  for (let part = parts.pop(); part; part = parts.pop()) {
    const [first, last] = part;
    let furthest = first;
    let most = tolerance;
    for (let i = first + 1; i < last; i++) {
      const distance = distanceTo(at(line, i), at(line, first), at(line, last));
      if (distance <= most) continue;
      furthest = i;
      most = distance;
    }
    if (furthest === first) continue;
    keep[furthest] = 1;
    parts.push([first, furthest], [furthest, last]);
  }
  return line.filter((_, i) => keep[i]);
}

/** From a place to the nearest place between two others. */
function distanceTo(from: Position, a: Position, b: Position): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = (from.x - a.x) * dx + (from.y - a.y) * dy;
  const share = Math.min(1, Math.max(0, along / (dx * dx + dy * dy || 1)));
  return Math.hypot(from.x - a.x - share * dx, from.y - a.y - share * dy);
}

function at(line: readonly Position[], index: number): Position {
  return line[index] as Position;
}
