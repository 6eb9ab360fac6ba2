// Fetches a file from Python in chunks and hands it to the browser's downloads.
import type { Connection } from "./connection.ts";
import { h } from "./dom.ts";
import type { Download } from "./messages.ts";

const CHUNK = 1 << 20;
/** Chunks that are asked for and have not come, at most. */
const WINDOW = 4;

type Port = Pick<Connection, "request">;

/** The whole file; `progress` hears which share of it has come. */
export async function fetchFile(
  port: Port,
  { token, size }: Pick<Download, "token" | "size">,
  progress: (share: number) => void,
): Promise<Blob> {
  const count = Math.ceil(size / CHUNK);
  const parts: Uint8Array<ArrayBuffer>[] = new Array(count);
  let next = 0;
  let come = 0;
  async function fetchSome(): Promise<void> {
    while (next < count) {
      const index = next++;
      const { buffers } = await port.request("chunk", { token, offset: index * CHUNK });
      const part = buffers[0];
      if (part?.byteLength !== Math.min(CHUNK, size - index * CHUNK)) {
        throw new Error("The export came incomplete; press Export again.");
      }
      parts[index] = part;
      come += part.byteLength;
      progress(come / size);
    }
  }
  await Promise.all(Array.from({ length: Math.min(WINDOW, count) }, fetchSome));
  return new Blob(parts, { type: "application/json" });
}

/** Saves a file as if the user had followed a link to it. */
export function saveFile(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  // Not in the page: a notebook would take the click for one of its own links.
  link.click();
  // The browser reads the file after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
