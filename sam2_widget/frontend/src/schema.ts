// Checkers for data from outside: each returns the value typed, or throws naming the place.

export type Check<T> = (value: unknown, where: string) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

/** Fields that may be undefined become optional. */
type Fields<S> = {
  [K in keyof S as undefined extends Checked<S[K]> ? never : K]: Checked<S[K]>;
} & {
  [K in keyof S as undefined extends Checked<S[K]> ? K : never]?: Checked<S[K]>;
};

export class SchemaError extends Error {}

function fail(value: unknown, where: string): never {
  throw new SchemaError(`${where} cannot be ${JSON.stringify(value)?.slice(0, 60)}`);
}

function when<T>(test: (value: unknown) => boolean): Check<T> {
  return (value, where) => (test(value) ? (value as T) : fail(value, where));
}

export const int = when<number>(Number.isInteger);
export const float = when<number>(Number.isFinite);
export const text = when<string>((value) => typeof value === "string");
export const flag = when<boolean>((value) => typeof value === "boolean");

export function oneOf<const T extends string>(...values: T[]): Check<T> {
  return when<T>((value) => values.includes(value as T));
}

export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, where) => (value === null ? null : check(value, where));
}

export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, where) => (value === undefined ? undefined : check(value, where));
}

export function list<T>(check: Check<T>): Check<T[]> {
  return (value, where) =>
    Array.isArray(value)
      ? value.map((item, index) => check(item, `${where}[${index}]`))
      : fail(value, where);
}

export function pair<A, B>(first: Check<A>, second: Check<B>): Check<[A, B]> {
  return (value, where) =>
    Array.isArray(value) && value.length === 2
      ? [first(value[0], `${where}[0]`), second(value[1], `${where}[1]`)]
      : fail(value, where);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Checks the named fields and leaves all others out. */
export function object<S extends Record<string, Check<unknown>>>(shape: S): Check<Fields<S>> {
  return (value, where) => {
    if (!isRecord(value)) return fail(value, where);
    const fields: Record<string, unknown> = {};
    for (const [name, check] of Object.entries(shape)) {
      const checked = check(value[name], `${where}.${name}`);
      if (checked !== undefined) fields[name] = checked;
    }
    return fields as Fields<S>;
  };
}
