/**
 * The names that logrotate(8) and its relatives give to the older files of a log.
 *
 * @module
 */

/** The programs that unpack a compressed log, by the end of its name. */
export const UNPACKERS: Readonly<Record<string, string>> = {
  ".gz": "gzip",
  ".xz": "xz",
  ".zst": "zstd",
  ".bz2": "bzip2",
};

/** An older file of a log. */
export interface OlderFile {
  readonly name: string;
  /** The program that unpacks it; `undefined` if it is not compressed. */
  readonly unpacker: string | undefined;
}

/** A file beside a log. */
export interface NamedFile {
  readonly name: string;
  /** When it was last written to, in seconds since 1970. */
  readonly modifiedAt: number;
}

/** Where a file stands among its siblings of one scheme: larger is newer. */
interface Age {
  readonly scheme: "date" | "number";
  readonly order: string;
}

const NUMBER_REGEXP = /^[.-](\d{1,4})$/;
const DATE_REGEXP = /^[.-](\d{8}(?:[-_T.]?\d+)*|\d{4}-\d\d-\d\d(?:[-_T.:]?\d+)*)$/;
const MAX_NUMBER = 9999;

function ageOf(suffix: string): Age | undefined {
  const number = suffix === ".old" ? "1" : NUMBER_REGEXP.exec(suffix)?.[1];
  if (number !== undefined) {
    // A higher number is an older file.
    return { scheme: "number", order: String(MAX_NUMBER - Number(number)).padStart(4, "0") };
  }
  const date = DATE_REGEXP.exec(suffix)?.[1];
  return date === undefined ? undefined : { scheme: "date", order: date };
}

/** What a rotation added to the name: `.1` in `syslog.1`, and in `app.1.log`. */
function suffixOf(base: string, name: string): string | undefined {
  if (name.startsWith(base)) return name.slice(base.length);
  const dot = base.lastIndexOf(".");
  if (dot <= 0) return undefined;
  const [stem, extension] = [base.slice(0, dot), base.slice(dot)];
  const hasBoth = name.startsWith(stem) && name.endsWith(extension) &&
    name.length > base.length;
  return hasBoth ? name.slice(stem.length, -extension.length) : undefined;
}

/** The beginning that the names of all older files of a log share. */
export function sharedBeginning(base: string): string {
  const dot = base.lastIndexOf(".");
  return dot > 0 ? base.slice(0, dot) : base;
}

/**
 * The older files of the log `base` among these, oldest first. A file that is being compressed exists
 * twice: the uncompressed one counts. Of dated and numbered files, which are both there once the
 * rotation was configured anew, those come last that were written to last.
 */
export function olderFiles(base: string, files: readonly NamedFile[]): OlderFile[] {
  const schemes = {
    date: { found: new Map<string, OlderFile>(), modifiedAt: -Infinity },
    number: { found: new Map<string, OlderFile>(), modifiedAt: -Infinity },
  };
  for (const { name, modifiedAt } of files) {
    const end = Object.keys(UNPACKERS).find((one) => name.endsWith(one)) ?? "";
    const suffix = suffixOf(base, name.slice(0, name.length - end.length));
    const age = suffix === undefined ? undefined : ageOf(suffix);
    if (age === undefined) continue;
    const scheme = schemes[age.scheme];
    scheme.modifiedAt = Math.max(scheme.modifiedAt, modifiedAt);
    const isPreferred = end === "" || !scheme.found.has(age.order);
    if (isPreferred) scheme.found.set(age.order, { name, unpacker: UNPACKERS[end] });
  }
  return [schemes.date, schemes.number]
    .sort((one, other) => one.modifiedAt - other.modifiedAt || 0)
    .flatMap(({ found }) => [...found].sort(([a], [b]) => a < b ? -1 : 1).map(([, file]) => file));
}
