// Unpacks deflated bytes of a known length.
import { unzlibSync } from "fflate";

/**
 * Throws where they are missing, damaged or of another length; `what` says whose they are.
 *
 * With fflate, at once: the browser's own decoder takes several turns of its event loop, in which
 * other messages are handled, so that a click's mask would be painted 20 ms later.
 */
export async function inflate(
  buffer: Uint8Array<ArrayBuffer> | undefined,
  expected: number,
  what: string,
): Promise<Uint8Array> {
  if (!buffer) throw new Error(`The buffer of ${what} is missing.`);
  // One byte more than there may be, and never a larger array, whatever the data say.
  const bytes = unzlibSync(buffer, { out: new Uint8Array(expected + 1) });
  if (bytes.length !== expected) {
    throw new Error(`${capital(what)} has ${bytes.length} bytes instead of ${expected}.`);
  }
  return bytes;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
