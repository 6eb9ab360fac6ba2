import { describe, expect, test } from "vitest";
import type { Position } from "../src/geometry.ts";
import { extend, MOST_POINTS, thin } from "../src/line.ts";

function drawn(points: Iterable<Position>, spacing = 0.3): Position[] {
  const line: Position[] = [];
  for (const point of points) extend(line, point, spacing);
  return line;
}

/** From a place to the line that is drawn through points. */
function off(line: readonly Position[], { x, y }: Position): number {
  const distances = line.slice(1).map((b, i) => {
    const a = line[i] as Position;
    const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
    const along = ((x - a.x) * (b.x - a.x) + (y - a.y) * (b.y - a.y)) / length;
    const share = Math.min(1, Math.max(0, along / length));
    return Math.hypot(x - a.x - share * (b.x - a.x), y - a.y - share * (b.y - a.y));
  });
  return Math.min(...distances);
}

function* spiral(count: number): Iterable<Position> {
  for (let i = 0; i < count; i++) {
    const angle = i / 40;
    yield { x: 300 + (angle / 2) * Math.cos(angle), y: 200 + (angle / 2) * Math.sin(angle) };
  }
}

describe("a line", () => {
  test("leaves out points that hardly differ from the last one", () => {
    const line = drawn([0, 0, 0.1, 0.29, 0.3, 0.5, 0.61, 5].map((x) => ({ x, y: 7 })));
    expect(line.map(({ x }) => x)).toEqual([0, 0.3, 0.61, 5]);
  });

  test("takes any other point where no spacing is asked for, but none twice", () => {
    const line = drawn([{ x: 1, y: 1 }], 0);
    extend(line, { x: 1, y: 1 }, 0);
    extend(line, { x: 1.01, y: 1 }, 0);
    expect(line).toEqual([
      { x: 1, y: 1 },
      { x: 1.01, y: 1 },
    ]);
  });

  test("never has more points than can be sent, and stays where it was drawn", () => {
    const points = [...spiral(10_000)];
    const line = drawn(points);
    expect(line.length).toBeLessThan(MOST_POINTS);
    expect(line[0]).toEqual(points[0]);
    const furthest = Math.max(...points.filter((_, i) => i % 50 === 0).map((at) => off(line, at)));
    expect(furthest).toBeLessThan(1);
  });

  test("can be full of points as near as they may be", () => {
    const line = drawn(
      Array.from({ length: 4000 }, (_, i) => ({ x: i / 100, y: i % 2 })),
      0,
    );
    expect(line.length).toBeLessThan(MOST_POINTS);
  });

  test("that is thinned keeps its ends and turns before all else", () => {
    const there = Array.from({ length: 11 }, (_, x) => ({ x, y: 0 }));
    const back = there.slice(0, 8).reverse();
    expect(thin([...there, ...back], 3)).toEqual([there[0], there[10], there[0]]);
    const bent = [
      { x: 0, y: 0 },
      { x: 5, y: 3 },
      { x: 10, y: 0.4 },
      { x: 15, y: 0 },
    ];
    expect(thin(bent, 3)).toEqual([bent[0], bent[1], bent[3]]);
    expect(thin(bent, 4)).toEqual(bent);
  });
});
