import { constants, deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { unzlib } from "../src/unzlib.ts";

/** Bytes that look random, the same every time; the fewer values, the better they compress. */
function noise(length: number, values: number): Uint8Array {
  let state = length + 7 * values;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % values;
  });
}

/** Packed bits of a disc, as masks have them. */
function disc(side: number): Uint8Array {
  const half = side / 2;
  return Uint8Array.from({ length: (side * side) / 8 }, (_, index) => {
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) {
      const pixel = index * 8 + bit;
      const [x, y] = [(pixel % side) - half, Math.floor(pixel / side) - half];
      byte = (byte << 1) | Number(x * x + y * y < half * half);
    }
    return byte;
  });
}

const SAMPLES: [string, Uint8Array][] = [
  ["nothing", new Uint8Array()],
  ["one byte", Uint8Array.of(255)],
  ["a run", new Uint8Array(100_000).fill(7)],
  ["a disc", disc(512)],
  ["noise", noise(70_000, 256)],
  ["few values", noise(70_000, 5)],
  ["text", new TextEncoder().encode("a mask, and a mask, and another mask; ".repeat(999))],
];

describe.each(SAMPLES)("%s", (_, bytes) => {
  test.each([0, 1, 6, 9])("comes out as it went in, level %i", (level) => {
    expect(unzlib(deflateSync(bytes, { level }), bytes.length)).toEqual(bytes);
  });

  test.each(["Z_FIXED", "Z_HUFFMAN_ONLY", "Z_RLE"] as const)("and with %s", (strategy) => {
    const packed = deflateSync(bytes, { strategy: constants[strategy] });
    expect(unzlib(packed, bytes.length)).toEqual(bytes);
  });
});

test("more than was announced is never made", () => {
  const packed = deflateSync(new Uint8Array(1_000_000));
  expect(() => unzlib(packed, 1000)).toThrow("more bytes than it may");
});

test("whatever is damaged is refused, or is as it was", () => {
  const bytes = disc(64);
  const packed = deflateSync(bytes);
  for (let at = 0; at < packed.length; at++) {
    expect(() => unzlib(packed.subarray(0, at), bytes.length)).toThrow("damaged");
    for (const bit of [1, 16, 128]) {
      const broken = Uint8Array.from(packed);
      broken[at] = (broken[at] ?? 0) ^ bit;
      try {
        expect(unzlib(broken, bytes.length)).toEqual(bytes);
      } catch (error) {
        expect(String(error)).toMatch(/damaged|more bytes/);
      }
    }
  }
});
