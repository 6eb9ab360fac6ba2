// Decodes zlib data at once. The browser's own decoder takes several turns of its event loop, in which
// other messages are handled: a click's mask would be painted 20 ms later.

const MAX_BITS = 15;

// Lengths 257 to 285 and distances 0 to 29: where each starts, and how many bits are added to it.
const LENGTHS = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
];
const LENGTH_BITS = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const DISTANCES = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
  3073, 4097, 6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_BITS = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** The order in which the lengths of the code for code lengths come. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A canonical Huffman code: how many symbols of each length, and the symbols in order. */
interface Code {
  counts: Uint16Array;
  symbols: Uint16Array;
}

/**
 * The bytes of zlib data.
 *
 * @param most throws when there are more, before they are made
 */
export function unzlib(data: Uint8Array, most: number): Uint8Array<ArrayBuffer> {
  const [method = 0, flags = 0] = data;
  if ((method & 15) !== 8 || (method * 256 + flags) % 31 !== 0 || (flags & 32) !== 0) damaged();
  const decoder = new Decoder(data, most);
  const bytes = decoder.run();
  if (decoder.checksum() !== adler32(bytes)) damaged();
  return bytes;
}

class Decoder {
  #data: Uint8Array;
  #at = 2;
  #held = 0;
  #heldBits = 0;
  #out: Uint8Array<ArrayBuffer>;
  #size = 0;

  constructor(data: Uint8Array, most: number) {
    this.#data = data;
    this.#out = new Uint8Array(most);
  }

  run(): Uint8Array<ArrayBuffer> {
    let last = 0;
    while (last === 0) {
      last = this.#bits(1);
      const kind = this.#bits(2);
      if (kind === 0) this.#stored();
      else if (kind === 1) this.#compressed(...FIXED);
      else if (kind === 2) this.#compressed(...this.#codes());
      else damaged();
    }
    return this.#out.subarray(0, this.#size);
  }

  /** The four bytes after the last block. */
  checksum(): number {
    this.#heldBits = 0;
    const [a, b, c, d] = [this.#byte(), this.#byte(), this.#byte(), this.#byte()];
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  }

  #byte(): number {
    return this.#data[this.#at++] ?? damaged();
  }

  #bits(count: number): number {
    while (this.#heldBits < count) {
      this.#held |= this.#byte() << this.#heldBits;
      this.#heldBits += 8;
    }
    const bits = this.#held & ((1 << count) - 1);
    this.#held >>>= count;
    this.#heldBits -= count;
    return bits;
  }

  #symbol({ counts, symbols }: Code): number {
    let [code, first, index] = [0, 0, 0];
    for (let length = 1; length <= MAX_BITS; length++) {
      code |= this.#bits(1);
      const count = counts[length] ?? 0;
      if (code - count < first) return symbols[index + code - first] ?? damaged();
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return damaged();
  }

  #put(byte: number): void {
    if (this.#size >= this.#out.length) throw new Error("It has more bytes than it may.");
    this.#out[this.#size++] = byte;
  }

  #stored(): void {
    this.#held = 0;
    this.#heldBits = 0;
    const length = this.#byte() | (this.#byte() << 8);
    if ((this.#byte() | (this.#byte() << 8)) !== (~length & 0xffff)) damaged();
    for (let left = length; left > 0; left--) this.#put(this.#byte());
  }

  #compressed(literals: Code, distances: Code): void {
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) this.#put(symbol);
      else this.#copy(symbol - 257, distances);
    }
  }

  #copy(which: number, distances: Code): void {
    const length = (LENGTHS[which] ?? damaged()) + this.#bits(LENGTH_BITS[which] ?? 0);
    const far = this.#symbol(distances);
    const distance = (DISTANCES[far] ?? damaged()) + this.#bits(DISTANCE_BITS[far] ?? 0);
    if (distance > this.#size) damaged();
    for (let left = length; left > 0; left--) this.#put(this.#out[this.#size - distance] ?? 0);
  }

  /** The two codes of a block that brings its own. */
  #codes(): [Code, Code] {
    const literals = this.#bits(5) + 257;
    const distances = this.#bits(5) + 1;
    const count = this.#bits(4) + 4;
    const own = new Uint8Array(19);
    for (const place of ORDER.slice(0, count)) own[place] = this.#bits(3);
    const code = codeOf(own);
    const lengths = new Uint8Array(literals + distances);
    for (let at = 0; at < lengths.length; ) {
      const symbol = this.#symbol(code);
      if (symbol < 16) {
        lengths[at++] = symbol;
        continue;
      }
      const again = symbol === 16 ? (lengths[at - 1] ?? damaged()) : 0;
      const times =
        symbol === 16 ? 3 + this.#bits(2) : symbol === 17 ? 3 + this.#bits(3) : 11 + this.#bits(7);
      if (at + times > lengths.length) damaged();
      lengths.fill(again, at, at + times);
      at += times;
    }
    return [codeOf(lengths.subarray(0, literals)), codeOf(lengths.subarray(literals))];
  }
}

function codeOf(lengths: Uint8Array): Code {
  const counts = new Uint16Array(MAX_BITS + 1);
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1;
  counts[0] = 0;
  const starts = new Uint16Array(MAX_BITS + 2);
  for (let length = 1; length <= MAX_BITS; length++)
    starts[length + 1] = (starts[length] ?? 0) + (counts[length] ?? 0);
  const symbols = new Uint16Array(lengths.length);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    const place = starts[length] ?? 0;
    symbols[place] = symbol;
    starts[length] = place + 1;
  }
  return { counts, symbols };
}

/** The codes of blocks that bring none. */
const FIXED: [Code, Code] = [
  codeOf(Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))),
  codeOf(new Uint8Array(30).fill(5)),
];

function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}

function damaged(): never {
  throw new Error("Compressed data is damaged.");
}
