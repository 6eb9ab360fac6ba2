import { describe, expect, test } from "vitest";
import { type Loop, trace } from "../src/contour.ts";
import { decodeOverlay, layerBytes } from "../src/mask.ts";
import { type Overlay, parseAnswer } from "../src/messages.ts";
import { dataView, goldenAnswer, MASK } from "./golden.ts";

/** Pixels whose centre is inside by the even-odd rule, as the canvas fills. */
function fill(loops: Loop[], width: number, height: number): string[] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) =>
      loops.filter((loop) => isInside(loop, x + 0.5, y + 0.5)).length % 2 ? "#" : ".",
    ).join(""),
  );
}

function isInside(loop: Loop, x: number, y: number): boolean {
  let inside = false;
  for (let i = 0; i < loop.length; i += 2) {
    const [x0, y0] = [loop[i] ?? 0, loop[i + 1] ?? 0];
    const [x1, y1] = [loop[(i + 2) % loop.length] ?? 0, loop[(i + 3) % loop.length] ?? 0];
    if (y0 > y !== y1 > y && x < x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)) inside = !inside;
  }
  return inside;
}

function pack(rows: string[]): Uint8Array {
  const bytes = rows.flatMap((row) =>
    (row.match(/.{1,8}/g) ?? []).map((part) =>
      Number.parseInt(part.padEnd(8, ".").replaceAll("#", "1").replaceAll(".", "0"), 2),
    ),
  );
  return Uint8Array.from(bytes);
}

function traced(rows: string[]): string[] {
  const width = rows[0]?.length ?? 0;
  return fill(trace(pack(rows), width, rows.length), width, rows.length);
}

function overlayOf(changes: Record<string, unknown> = {}, buffers?: DataView[]): Overlay {
  const { content, buffers: golden } = goldenAnswer("overlay");
  const masks = (content.masks as object[]).map((mask) => ({ ...mask, ...changes }));
  return parseAnswer({ ...content, masks }, buffers ?? golden.map(dataView)) as Overlay;
}

describe("outlines", () => {
  test.each([
    [["#"]],
    [["##", "##"]],
    [["#.", ".#"]],
    [[".#", "#."]],
    [["###", "#.#", "###"]],
    [["#####", "#...#", "#.#.#", "#...#", "#####"]],
    [["#########.#", ".#.#.#.#.##", "..#######.."]],
    [["........", "........"]],
    [["################", "#..............#", "################"]],
  ])("fill exactly the mask %j", (rows) => {
    expect(traced(rows)).toEqual(rows);
  });

  test("fill exactly any mask", () => {
    let seed = 1;
    const random = (): number => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    for (let round = 0; round < 60; round++) {
      const width = 1 + Math.floor(random() * 20);
      const density = random();
      const rows = Array.from({ length: 1 + Math.floor(random() * 12) }, () =>
        Array.from({ length: width }, () => (random() < density ? "#" : ".")).join(""),
      );
      expect(traced(rows)).toEqual(rows);
    }
  });

  test("have corners only where they turn", () => {
    expect(trace(pack(["####", "####"]), 4, 2)).toEqual([Int32Array.of(0, 0, 4, 0, 4, 2, 0, 2)]);
  });
});

describe("overlays", () => {
  test("the golden mask has exactly its rows", async () => {
    const [x, y, width, height] = MASK.box;
    const overlay = overlayOf({ x, y, width, height }, [dataView(MASK.buffer)]);
    const [mask] = (await decodeOverlay(overlay)).masks;
    const loops = (mask?.loops ?? []).map((loop) => loop.map((v, i) => v + (i % 2 ? y : x)));
    const [rows, columns] = MASK.size;
    expect(fill(loops, columns, rows)).toEqual(MASK.rows);
  });

  test("an empty mask has no outline", async () => {
    const layer = await decodeOverlay(overlayOf({ width: 0, height: 0 }, [dataView("")]));
    expect(layer.masks[0]?.loops).toEqual([]);
    expect(layerBytes(layer)).toBeGreaterThan(0);
  });

  test("a mask of the wrong length is refused", async () => {
    await expect(decodeOverlay(overlayOf({ height: 5 }))).rejects.toThrow("8 bytes instead of 10");
  });

  test("a mask whose buffer is missing is refused", async () => {
    await expect(decodeOverlay(overlayOf({ buffer: 3 }))).rejects.toThrow("missing");
  });

  test("a mask that is not deflated is refused", async () => {
    await expect(decodeOverlay(overlayOf({}, [dataView("AAAA")]))).rejects.toThrow();
  });
});
