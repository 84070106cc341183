/** JSON as a sender may write it, also where no value of this language says it: huge numbers, keys twice, `__proto__`. */

const RAW = Symbol('raw');

/** Text that stands in a document as it is. */
export interface RawJson {
  readonly [RAW]: string;
}

export function rawJson(text: string): RawJson {
  return { [RAW]: text };
}

export function writeJson(value: unknown): string {
  if (isRaw(value)) return value[RAW];
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value).map(writeMember).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

function writeMember([name, value]: readonly [string, unknown]): string {
  return `${JSON.stringify(name)}:${writeJson(value)}`;
}

/** The object with these members as well, whether it has them already or not. */
export function withMembers(value: object, more: readonly (readonly [string, unknown])[]): RawJson {
  return rawJson(`{${[...Object.entries(value), ...more].map(writeMember).join(',')}}`);
}

type Path = readonly (string | number)[];

/** The places in a document, its root first. */
export function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null || isRaw(value)) return [path];
  const inside = Array.isArray(value) ? value.entries() : Object.entries(value);
  return [path, ...[...inside].flatMap(([name, one]) => placesIn(one, [...path, name]))];
}

/** The document with something else in one place; undefined takes out what is there. */
export function changedAt(value: unknown, path: Path, change: (there: unknown) => unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return change(value);
  if (Array.isArray(value)) {
    return value.flatMap((one, index) => {
      if (index !== name) return [one];
      const changed = changedAt(one, rest, change);
      return changed === undefined ? [] : [changed];
    });
  }
  const members = Object.entries(value as object).map(([key, one]) => [
    key,
    key === name ? changedAt(one, rest, change) : one,
  ]);
  return Object.fromEntries(members.filter(([, one]) => one !== undefined));
}

function isRaw(value: unknown): value is RawJson {
  return typeof value === 'object' && value !== null && RAW in value;
}
