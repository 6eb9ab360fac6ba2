// The golden messages, which the Python tests read too.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const FOLDER = resolve(import.meta.dirname, "../../../tests/messages");

function read(name: string): unknown {
  return JSON.parse(readFileSync(resolve(FOLDER, name), "utf8"));
}

export interface GoldenAnswer {
  content: Record<string, unknown>;
  buffers: string[];
}

export const REQUESTS = read("requests.json") as Record<string, unknown>[];
export const ANSWERS = read("answers.json") as GoldenAnswer[];
export const MASK = read("mask.json") as {
  size: [number, number];
  rows: string[];
  box: [number, number, number, number];
  buffer: string;
};

/** A view that does not start at the beginning of its buffer, as they come from the kernel. */
export function dataView(base64: string): DataView<ArrayBuffer> {
  const bytes = Buffer.from(base64, "base64");
  const padded = new Uint8Array(bytes.length + 5);
  padded.set(bytes, 5);
  return new DataView(padded.buffer, 5);
}

export function goldenAnswer(kind: string): GoldenAnswer {
  const found = ANSWERS.find(({ content }) => content.kind === kind);
  if (!found) throw new Error(`No golden ${kind}`);
  return structuredClone(found);
}
