import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { inflate } from "../src/inflate.ts";

const BYTES = Uint8Array.from({ length: 5000 }, (_, index) => (index * index) % 251);
const packed = (bytes: Uint8Array, level = 6): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(deflateSync(bytes, { level }));

test.each([0, 1, 6, 9])("bytes come out as they went in, level %i", async (level) => {
  expect(await inflate(packed(BYTES, level), BYTES.length, "a mask")).toEqual(BYTES);
  expect(await inflate(packed(new Uint8Array(), level), 0, "a mask")).toEqual(new Uint8Array());
});

test("more or fewer bytes than announced are refused", async () => {
  const many = packed(new Uint8Array(1_000_000));
  await expect(inflate(many, 1000, "a mask")).rejects.toThrow("A mask has 1001 bytes");
  await expect(inflate(many, 2_000_000, "a mask")).rejects.toThrow("instead of 2000000");
});

test("what is missing or cut off is refused", async () => {
  await expect(inflate(undefined, 3, "a mask")).rejects.toThrow("is missing");
  const part = packed(BYTES).subarray(0, 200);
  await expect(inflate(part, BYTES.length, "a mask")).rejects.toThrow();
});
