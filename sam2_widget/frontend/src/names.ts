// What a display name may be, as Python has it, and how a long one is cut.

/** Characters of a name; an emoji counts as one. */
const MAX_NAME = 300;

/** Control characters, halves of surrogate pairs, and what breaks a line. */
const NOT_IN_A_NAME = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Why this cannot be a display name; null when it can, or is empty for none. */
export function nameObstacle(name: string): string | null {
  const text = name.trim();
  if ([...text].length <= MAX_NAME && !NOT_IN_A_NAME.test(text)) return null;
  return `A name has up to ${MAX_NAME} characters and no line breaks.`;
}

/** The beginning of a long text, for where it cannot be cut by style. */
export function shorten(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}
