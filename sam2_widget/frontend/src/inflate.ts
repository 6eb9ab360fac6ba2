// Unpacks deflated bytes of a known length.
import { unzlib } from "./unzlib.ts";

/** Throws where they are missing or have another length; `what` says whose they are. */
export async function inflate(
  buffer: Uint8Array<ArrayBuffer> | undefined,
  expected: number,
  what: string,
): Promise<Uint8Array> {
  if (!buffer) throw new Error(`The buffer of ${what} is missing.`);
  const bytes = unzlib(buffer, expected);
  if (bytes.length !== expected) {
    throw new Error(`${capital(what)} has ${bytes.length} bytes instead of ${expected}.`);
  }
  return bytes;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
